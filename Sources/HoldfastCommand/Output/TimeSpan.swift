import ArgumentParser

/// How long, as a person writes it: `90s`, `15m`, `24h`, `30d`, `4w`.
struct TimeSpan: Equatable {
    let seconds: Int

    private static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    /// A thousand years: more is a slip.
    private static let longest = 1000 * 366 * 86_400

    init(seconds: Int) { self.seconds = seconds }

    /// - Throws: `ValidationError` that says what can be written.
    init(_ text: String) throws {
        let digits = text.utf8.dropLast()
        guard let unit = text.last.flatMap({ Self.units[$0] }), !digits.isEmpty,
            digits.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text.dropLast()),
            case let (seconds, overflow) = number.multipliedReportingOverflow(by: unit), !overflow,
            seconds <= Self.longest
        else { throw ValidationError("a time such as 90s, 15m, 24h, 30d or 4w is needed") }
        self.seconds = seconds
    }

    var duration: Duration { .seconds(seconds) }
}
