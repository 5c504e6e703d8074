import Basics
import FoundationEssentials

extension GrowthPlot {
    /// The drawing with its caption, for wide and for narrow windows; the table of snapshots beside it is its alternative in
    /// text.
    /// - Parameter id: tells the drawings of one page apart.
    func figure(id: String) -> HTML? {
        guard let first = points.first, let last = points.last, points.count > 1 else { return nil }
        let words =
            "\(points.count) snapshots from \(Self.label(first.time, withSeconds: true)) to "
            + "\(Self.label(last.time, withSeconds: true)) UTC: \(Figures.bytes(first.bytes)) at first, "
            + "\(Figures.bytes(last.bytes)) now. The table below has the figures."
        return """
            <figure>
            \(svg(width: 1040, id: "\(id)-w", kind: "broad", words))
            \(svg(width: 328, id: "\(id)-n", kind: "narrow", words))
            <figcaption>Size of the memory, and new data of each snapshot. Times in UTC.</figcaption>
            </figure>

            """
    }

    private func svg(width: Double, id: String, kind: HTML, _ words: String) -> HTML {
        let place = Geometry(self, width: width)
        return """
            <svg class="\(kind)" viewBox="0 0 \(Int(width)) \(Int(place.height))" role="img" \
            aria-labelledby="\(id)-t \(id)-d">
            <title id="\(id)-t">How the memory grew</title><desc id="\(id)-d">\(words)</desc>
            \(axes(place))
            <path class="area" d="\(line(place, closed: true))"/>
            <path class="line" d="\(line(place, closed: false))"/>
            \(marks(place))
            </svg>
            """
    }

    private func axes(_ place: Geometry) -> HTML {
        let end = Self.digits(place.width - place.right)
        var lines: HTML = ""
        for (share, bytes) in [(0.0, place.mostBytes), (0.5, place.mostBytes / 2), (1, 0)] {
            let y = place.top + share * (place.bottom - place.top)
            lines += """
                <path class="grid" d="M\(Self.digits(place.left)) \(Self.digits(y))H\(end)"/>\
                <text class="y" x="\(Self.digits(place.left - 6))" y="\(Self.digits(y + 4))">\
                \(Figures.bytes(Int64(min(bytes, 9e18))))</text>

                """
        }
        for (y, bytes) in [(place.barTop, place.mostNew), (place.barBottom, 0)] {
            lines += """
                <path class="grid" d="M\(Self.digits(place.left)) \(Self.digits(y))H\(end)"/>\
                <text class="y" x="\(Self.digits(place.left - 6))" y="\(Self.digits(y + 4))">\
                \(bytes > 0 ? "+" : "")\(Figures.bytes(Int64(min(bytes, 9e18))))</text>

                """
        }
        let ticks = place.ticks
        let isWithinMinutes = place.times.upperBound - place.times.lowerBound < 300
        for time in ticks {
            let x = place.x(time)
            let anchor: HTML = x < place.left + 40 ? "start" : x > place.width - 50 ? "end" : "middle"
            lines += """
                <path class="grid" d="M\(Self.digits(x)) \(Self.digits(place.barBottom))v4"/>\
                <text class="x" text-anchor="\(anchor)" x="\(Self.digits(x))" y="\(Self.digits(place.height - 6))">\
                \(tick(time, place, withSeconds: isWithinMinutes))</text>

                """
        }
        return lines
    }

    /// The hour where marks lie within days, but for midnight, which shows the day; else the day.
    private func tick(_ time: Double, _ place: Geometry, withSeconds: Bool) -> String {
        let text = Figures.time(Date(timeIntervalSince1970: time))
        let span = place.times.upperBound - place.times.lowerBound
        let isMidnight = text.hasSuffix("00:00:00")
        if span >= 4 * 86_400 { return String(text.prefix(10)) }
        if isMidnight { return String(text.dropFirst(5).prefix(5)) }
        return String(text.dropFirst(11).prefix(withSeconds ? 8 : 5))
    }

    /// A size holds until the next snapshot: the line has steps.
    private func line(_ place: Geometry, closed: Bool) -> String {
        var path = ""
        for (index, point) in points.enumerated() {
            let (x, y) = (Self.digits(place.x(point.time)), Self.digits(place.y(point.bytes)))
            path += index == 0 ? (closed ? "M\(x) \(Self.digits(place.bottom))V\(y)" : "M\(x) \(y)") : "H\(x)V\(y)"
        }
        path += "H\(Self.digits(place.x(place.times.upperBound)))"
        return closed ? path + "V\(Self.digits(place.bottom))Z" : path
    }

    private func marks(_ place: Geometry) -> [HTML] {
        points.map { point in
            let x = Self.digits(place.x(point.time))
            let words =
                "\(point.name), \(Self.label(point.time, withSeconds: true)): \(Figures.bytes(point.bytes)), "
                + "\(Figures.bytes(point.newBytes)) new"
            return """
                <g><title>\(words)</title>\
                <path class="bar" d="M\(x) \(Self.digits(place.barBottom))V\(Self.digits(place.barY(point.newBytes)))"/>\
                <circle class="dot" cx="\(x)" cy="\(Self.digits(place.y(point.bytes)))" r="2.5"/></g>

                """
        }
    }

    private static func label(_ time: Double, withSeconds: Bool) -> String {
        String(Figures.time(Date(timeIntervalSince1970: time)).prefix(withSeconds ? 19 : 16))
    }

    private static func digits(_ value: Double) -> String { Figures.decimal(value, 1) }
}
