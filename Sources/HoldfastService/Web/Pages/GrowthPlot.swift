import FoundationEssentials
import Holdfast
import Repository

/// Snapshots on a time line: how large the memory was, and how much each snapshot added to the store.
struct GrowthPlot {
    struct Point: Equatable {
        /// Seconds since 1970.
        let time: Double
        let bytes: Int64
        let newBytes: Int64
        let name: String
    }

    /// In the order of their times.
    let points: [Point]
    /// Where the time line ends if that is after the last point: the last size has held until then.
    let end: Double?

    init(points: [Point], end: Double? = nil) {
        self.points = points.sorted { $0.time < $1.time }
        self.end = end
    }

    /// Snapshots whose time cannot be read have no place on a time line.
    init(_ snapshots: [Snapshot], until end: Date? = nil) {
        self.init(
            points: snapshots.compactMap { snapshot in
                snapshot.time.map {
                    Point(
                        time: $0.timeIntervalSince1970, bytes: snapshot.commit.bytes,
                        newBytes: snapshot.commit.newBytes, name: snapshot.shortID)
                }
            }, end: end?.timeIntervalSince1970)
    }

    /// Where things are in a drawing of a given width.
    struct Geometry {
        let width: Double
        let left = 62.0
        let right = 10.0
        /// The panel of the sizes.
        let top = 10.0
        let bottom = 112.0
        /// The panel of what was added.
        let barTop = 128.0
        let barBottom = 160.0
        let height = 184.0
        let times: ClosedRange<Double>
        /// At the top of each panel, in bytes.
        let mostBytes: Double
        let mostNew: Double

        init(_ plot: GrowthPlot, width: Double) {
            self.width = width
            let points = plot.points
            let first = points.first?.time ?? 0
            times = first...max(points.last?.time ?? 0, plot.end ?? 0, first)
            mostBytes = Self.round(Double(points.map(\.bytes).max() ?? 0))
            mostNew = Self.round(Double(points.map(\.newBytes).max() ?? 0))
        }

        /// The next number of the form 1, 2, 2.5 or 5 times a power of ten: what an axis can be labelled with.
        static func round(_ value: Double) -> Double {
            guard value > 0, value.isFinite else { return 1 }
            var power = 1.0
            while power * 10 <= value { power *= 10 }
            return [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= value } ?? power * 10
        }

        func x(_ time: Double) -> Double {
            let span = times.upperBound - times.lowerBound
            guard span > 0 else { return (left + width - right) / 2 }
            return left + (time - times.lowerBound) / span * (width - left - right)
        }

        func y(_ bytes: Int64) -> Double { bottom - Double(bytes) / mostBytes * (bottom - top) }
        func barY(_ bytes: Int64) -> Double { barBottom - max(1, Double(bytes) / mostNew * (barBottom - barTop)) }

        /// Marks of the time axis at whole units, about `width / 110` of them.
        var ticks: [Double] {
            let span = times.upperBound - times.lowerBound
            let steps: [Double] = [
                1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
                604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000, 157_680_000, 1_576_800_000,
            ]
            guard span > 0, let step = steps.first(where: { span / $0 <= max(2, width / 110) }) else {
                return [times.lowerBound]
            }
            let first = (times.lowerBound / step).rounded(.up) * step
            return stride(from: first, through: times.upperBound, by: step).map { $0 }
        }
    }
}
