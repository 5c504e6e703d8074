import FoundationEssentials

/// Numbers, sizes and times for people.
enum Figures {
    /// `1 file`, `2 files`.
    static func count(_ number: Int, _ noun: String) -> String { "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")" }

    /// Digits in groups of three.
    static func grouped(_ number: Int) -> String {
        let digits = Array("\(number.magnitude)")
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    /// Bytes with three digits and a unit of 1,000s.
    static func bytes(_ count: Int64) -> String {
        guard count.magnitude >= 1000 else { return "\(count) B" }
        var value = Double(count.magnitude)
        var unit = ""
        for next in ["kB", "MB", "GB", "TB", "PB", "EB"] where value >= 999.5 {
            value /= 1000
            unit = next
        }
        return (count < 0 ? "-" : "") + "\(decimal(value, value < 9.95 ? 2 : value < 99.5 ? 1 : 0)) \(unit)"
    }

    /// `+1.2 kB`, `-30 B`, `±0 B`.
    static func change(_ bytes: Int64) -> String {
        bytes > 0 ? "+\(self.bytes(bytes))" : bytes == 0 ? "±0 B" : self.bytes(bytes)
    }

    /// `0.31 s`, `12 s`, `3 min`, `5 h`, `2 d`: how long something takes, in the largest unit that fits.
    static func span(_ seconds: Double) -> String {
        switch seconds {
        case ..<0: "0 s"
        case ..<9.995: "\(decimal(seconds, 2)) s"
        case ..<120: "\(Int(seconds.rounded())) s"
        case ..<7200: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3600)) h"
        default: "\(grouped(Int(min(seconds / 86_400, 1_000_000)))) d"
        }
    }

    /// `3 min ago`; a time that is still to come, by the clock of another machine, is `just now`.
    static func ago(_ seconds: Double) -> String { seconds < 1 ? "just now" : "\(span(seconds.rounded(.down))) ago" }

    /// A time in UTC: `2026-11-28 19:31:07`.
    static func time(_ date: Date) -> String {
        date.formatted(
            Date.ISO8601FormatStyle(dateTimeSeparator: .space, timeZone: .gmt).year().month().day().time(
                includingFractionalSeconds: false))
    }

    /// The time that a commit names; `nil` for a text that is none.
    static func date(_ text: String) -> Date? {
        let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
        return styles.lazy.compactMap { try? $0.parse(text) }.first
    }

    /// A number with a fixed count of digits behind the point.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((value * Double(scale)).rounded())
        guard digits > 0 else { return "\(scaled)" }
        let fraction = "\(scaled.magnitude % UInt(scale))"
        let sign = scaled < 0 ? "-" : ""
        return "\(sign)\(scaled.magnitude / UInt(scale))." + String(repeating: "0", count: digits - fraction.utf8.count)
            + fraction
    }
}
