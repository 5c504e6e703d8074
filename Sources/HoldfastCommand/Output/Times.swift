import Basics
import FoundationEssentials

/// Times for people and for JSON: ISO 8601 in UTC.
enum Times {
    /// - Parameter nanoseconds: since 1970.
    static func text(_ nanoseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000_000)).formatted(.iso8601)
    }

    /// The time that a commit names, without its milliseconds.
    static func seconds(_ text: String) -> String { Date(iso8601: text)?.formatted(.iso8601) ?? text }

    /// How long ago a commit was made, in seconds; `nil` for a text that is no time. The clocks are of two machines.
    static func age(_ text: String, now: Date = Date()) -> Double? {
        Date(iso8601: text).map { max(0, now.timeIntervalSince($0).rounded()) }
    }
}
