import Testing

@testable import HoldfastService

@Suite("The plot of how a memory grew")
struct GrowthPlotTests {
    private func point(_ time: Double, _ bytes: Int64, new: Int64 = 10) -> GrowthPlot.Point {
        GrowthPlot.Point(time: time, bytes: bytes, newBytes: new, name: "s\(Int(time))")
    }

    @Test("everything lies within the drawing", arguments: [328.0, 1040.0])
    func inside(width: Double) {
        let points = [point(5000, 0, new: 0), point(1000, 3_333), point(90_000, 999_999_999, new: 1 << 40)]
        let plot = GrowthPlot(points: points)
        #expect(plot.points.map(\.time) == [1000, 5000, 90_000])
        let place = GrowthPlot.Geometry(plot, width: width)
        for point in plot.points {
            #expect((place.left...(width - place.right)).contains(place.x(point.time)))
            #expect((place.top...place.bottom).contains(place.y(point.bytes)))
            #expect((place.barTop...place.barBottom).contains(place.barY(point.newBytes)))
        }
        #expect(place.y(0) == place.bottom)
        #expect(place.x(1000) == place.left)
        #expect(place.x(90_000) == width - place.right)
        let later = GrowthPlot.Geometry(GrowthPlot(points: points, end: 100_000), width: width)
        #expect(later.x(90_000) < width - later.right)
        #expect(later.x(100_000) == width - later.right)
        #expect(GrowthPlot.Geometry(GrowthPlot(points: points, end: 7), width: width).times.upperBound == 90_000)
    }

    @Test(
        "axes end at round numbers",
        arguments: [(0.0, 1.0), (1, 1), (1.1, 2), (2.1, 2.5), (3, 5), (6, 10), (1e9, 1e9), (1.3e12, 2e12)])
    func rounding(value: Double, end: Double) {
        #expect(GrowthPlot.Geometry.round(value) == end)
    }

    @Test(
        "the time axis has a few marks at whole units",
        arguments: [(3.0, 1.0), (60, 10), (3600, 600), (86_400, 10_800), (2_592_000, 604_800)])
    func ticks(span: Double, step: Double) {
        let points = [point(1_700_000_123, 1), point(1_700_000_123 + span, 2)]
        let ticks = GrowthPlot.Geometry(GrowthPlot(points: points), width: 1040).ticks
        #expect((2...10).contains(ticks.count), "\(ticks)")
        for (a, b) in zip(ticks, ticks.dropFirst()) { #expect(b - a == step) }
        for tick in ticks { #expect(tick.truncatingRemainder(dividingBy: step) == 0) }
    }

    @Test("is drawn from two snapshots on, also of one moment")
    func few() throws {
        #expect(GrowthPlot(points: []).figure(id: "p") == nil)
        #expect(GrowthPlot(points: [point(5, 5)]).figure(id: "p") == nil)
        let figure = try #require(GrowthPlot(points: [point(5, 5), point(5, 6)]).figure(id: "p")).text
        #expect(!figure.contains("nan") && !figure.contains("inf"))
        try MarkupCheck.check(fragment: figure)
    }
}
