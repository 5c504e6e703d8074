import Logging

/// A metadata value that is safe to print: redacted, and of bounded size.
indirect enum LogValue: Sendable, Equatable {
    case text(String)
    /// A number or truth value, as JSON writes it.
    case literal(String)
    case list([LogValue])
    case object([(name: String, value: LogValue)])

    static func == (lhs: LogValue, rhs: LogValue) -> Bool {
        switch (lhs, rhs) {
        case (.text(let left), .text(let right)), (.literal(let left), .literal(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        case (.object(let left), .object(let right)):
            left.elementsEqual(right) { $0.name == $1.name && $0.value == $1.value }
        default: false
        }
    }
}

/// Turns what was logged into what may be written.
struct LogCleaner {
    /// A value that says more is cut: a server's error page must not fill the log.
    static let longestText = 16_384
    /// So much of a text is looked at. It is more than is shown, since secrets are taken out in between.
    static let longestInput = 65_536
    static let deepest = 8

    let redactor: Redactor

    func text(_ text: String) -> String {
        redactor.redact(text.prefix(bytes: Self.longestInput)).prefix(bytes: Self.longestText)
    }

    func object(_ metadata: Logger.Metadata, depth: Int = 0) -> [(name: String, value: LogValue)] {
        metadata.sorted { $0.key < $1.key }.map { name, value in
            (text(name), Redactor.isSecretName(name) ? .text(Redactor.mark) : self.value(value, depth: depth))
        }
    }

    private func value(_ value: Logger.MetadataValue, depth: Int) -> LogValue {
        guard depth < Self.deepest else { return .text("…") }
        switch value {
        case .string(let string): return .text(text(string))
        case .stringConvertible(let thing):
            let shown = text(thing.description)
            return isLiteral(thing) && shown == thing.description ? .literal(shown) : .text(shown)
        case .array(let values): return .list(values.map { self.value($0, depth: depth + 1) })
        case .dictionary(let values): return .object(object(values, depth: depth + 1))
        }
    }

    private func isLiteral(_ thing: any CustomStringConvertible) -> Bool {
        switch thing {
        case is any FixedWidthInteger, is Bool: true
        case let number as Double: number.isFinite
        default: false
        }
    }
}

extension String {
    /// The text if it is not longer, else as much of it as fits, and how much is missing.
    fileprivate func prefix(bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var end = utf8.index(startIndex, offsetBy: bytes)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        let kept = self[..<end]
        return "\(kept)… (\(utf8.count - kept.utf8.count) bytes more)"
    }
}
