/// Numbers, sizes and ages for people.
public enum Figures {
    /// `1 file`, `2 files`, `1,234 files`.
    public static func count(_ number: Int, _ noun: String) -> String {
        "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// Digits in groups of three.
    public static func grouped(_ number: Int) -> String {
        let digits = Array("\(number.magnitude)")
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    /// Bytes with three digits and a unit of 1,000s.
    public static func bytes(_ count: Int64) -> String {
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
    public static func change(_ bytes: Int64) -> String {
        bytes > 0 ? "+\(self.bytes(bytes))" : bytes == 0 ? "±0 B" : self.bytes(bytes)
    }

    /// `0.31 s`: a duration that is compared with others.
    public static func seconds(_ value: Double) -> String { "\(decimal(value, 2)) s" }

    /// `0.31 s`, `12 s`, `3 min`, `5 h`, `2 d`: how long something takes, in the largest unit that fits.
    public static func span(_ seconds: Double) -> String {
        switch seconds {
        case ..<0: "0 s"
        case ..<9.995: "\(decimal(seconds, 2)) s"
        case ..<120: "\(Int(seconds.rounded())) s"
        case ..<7200: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3600)) h"
        default: "\(grouped(Int(min(seconds / 86_400, 1_000_000)))) d"
        }
    }

    /// `5 minutes ago`, in the largest unit that fits. A time that is still to come, by another machine's clock, is
    /// `just now`.
    public static func ago(_ seconds: Double) -> String {
        let units = [(86_400.0, "day"), (3600, "hour"), (60, "minute"), (1, "second")]
        guard let (length, unit) = units.first(where: { seconds >= $0.0 }) else { return "just now" }
        return count(Int(min(seconds / length, 1_000_000)), unit) + " ago"
    }

    /// A number with a fixed count of digits behind the point.
    public static func decimal(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((value * Double(scale)).rounded())
        guard digits > 0 else { return "\(scaled)" }
        let fraction = "\(scaled.magnitude % UInt(scale))"
        let sign = scaled < 0 ? "-" : ""
        return "\(sign)\(scaled.magnitude / UInt(scale))." + String(repeating: "0", count: digits - fraction.utf8.count)
            + fraction
    }
}
