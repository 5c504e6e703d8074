import FoundationEssentials

/// Times for people and for JSON: ISO 8601 in UTC.
enum Times {
    /// - Parameter nanoseconds: since 1970.
    static func text(_ nanoseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000_000)).formatted(.iso8601)
    }

    /// The time that a commit names, without its milliseconds.
    static func seconds(_ text: String) -> String { date(text)?.formatted(.iso8601) ?? text }

    /// How long ago a commit was made, in seconds; `nil` for a text that is no time. The clocks are of two machines.
    static func age(_ text: String, now: Date = Date()) -> Double? {
        date(text).map { max(0, now.timeIntervalSince($0).rounded()) }
    }

    /// `5 minutes ago`, in the largest unit that fits.
    static func ago(_ seconds: Double) -> String {
        let units = [(86_400.0, "day"), (3600, "hour"), (60, "minute"), (1, "second")]
        guard let (length, unit) = units.first(where: { seconds >= $0.0 }) else { return "just now" }
        return Words.count(Int(min(seconds / length, 1_000_000)), unit) + " ago"
    }

    private static func date(_ text: String) -> Date? {
        let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
        return styles.lazy.compactMap { try? $0.parse(text) }.first
    }
}
