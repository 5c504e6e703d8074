import FoundationEssentials

/// A time for people and for JSON: ISO 8601 in UTC with milliseconds.
/// - Parameter milliseconds: since 1970.
public func timeText(_ milliseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(
        Date.ISO8601FormatStyle(includingFractionalSeconds: true))
}
