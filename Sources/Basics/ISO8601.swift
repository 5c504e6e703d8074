import FoundationEssentials

extension Date {
    /// A time as commits and records hold it: ISO 8601, with or without fractions of a second; `nil` for any other text.
    public init?(iso8601 text: String) {
        let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
        guard let date = styles.lazy.compactMap({ try? $0.parse(text) }).first else { return nil }
        self = date
    }
}
