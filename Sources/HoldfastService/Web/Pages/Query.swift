import Basics
import HTTPTypes

/// What stands behind the question mark of an address.
struct Query: Sendable {
    private let values: [String: String]

    /// Longer values mean nothing here.
    private static let longest = 4096

    init(_ text: String?) {
        var values: [String: String] = [:]
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, pair.utf8.count <= Self.longest,
                let bytes = PercentEncoding.decode(parts[1], plusIsSpace: true),
                let value = String(validating: bytes, as: UTF8.self)
            else { continue }
            values[String(parts[0])] = value
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }
    func number(_ name: String) -> UInt64? { self[name].flatMap { UInt64($0) } }

    /// The name of a snapshot: `latest`, or at least four digits of an id.
    /// - Throws: ``PageError``.
    func snapshot(_ name: String) throws(PageError) -> String? {
        guard let text = self[name] else { return nil }
        let isID = (4...64).contains(text.utf8.count) && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        guard isID || text == "latest" else {
            throw PageError(
                .notFound, "No snapshot is called “\(text)”.", "Use latest, or at least four digits of an id.")
        }
        return text
    }
}
