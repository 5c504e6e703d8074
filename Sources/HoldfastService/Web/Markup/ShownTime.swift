import Basics
import FoundationEssentials

extension Figures {
    /// A time in UTC: `2026-11-28 19:31:07`.
    static func time(_ date: Date) -> String {
        date.formatted(
            Date.ISO8601FormatStyle(dateTimeSeparator: .space, timeZone: .gmt).year().month().day().time(
                includingFractionalSeconds: false))
    }
}
