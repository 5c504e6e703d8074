/// One pass over a text that finds where its secrets are.
///
/// Matches may overlap; all are collected and joined, so that none can hide part of another.
/// Time grows with the text alone: a stretch that was measured once is not measured again for each word in it.
struct SecretScan {
    private let text: UnsafeBufferPointer<UInt8>
    private let secrets: RegisteredSecrets
    private var found: [Range<Int>] = []
    /// The stretches that were measured last, of each kind.
    private var measured = [Range<Int>](repeating: 0..<0, count: Run.allCases.count)
    private var fields = 0..<0
    private var pemBlock = 0..<0
    private var checkedWebToken = 0

    init(_ text: UnsafeBufferPointer<UInt8>, _ secrets: RegisteredSecrets) {
        self.text = text
        self.secrets = secrets
    }

    /// - Returns: the secrets, in order and without overlaps.
    mutating func run() -> [Range<Int>] {
        guard text.count > 3 else { return [] }
        for position in 0..<(text.count - 1) where secrets.starts.contains(text[position], text[position + 1]) {
            let length = secrets.match(text, at: position)
            if length > 0 { found.append(position..<(position + length)) }
            for pattern in ContentPattern.all where pattern.matches(text, at: position) {
                let range = secret(of: pattern.kind, from: position, behind: position + pattern.word.count)
                if let range, !range.isEmpty, !isMark(range.lowerBound) { found.append(range) }
            }
        }
        return joined()
    }

    /// Whether a value was taken out before. What follows was left readable then, and shall be again.
    private func isMark(_ position: Int) -> Bool { text[position...].starts(with: Redactor.mark.utf8) }

    private func joined() -> [Range<Int>] {
        var joined: [Range<Int>] = []
        for range in found.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    private mutating func secret(of kind: ContentPattern.Kind, from start: Int, behind: Int) -> Range<Int>? {
        switch kind {
        case .named: return value(behind, anySeparator: true)
        case .assigned: return value(behind, anySeparator: false)
        case .header: return header(from: start, behind)
        case .scheme: return blanks(behind).map { $0..<end(of: .token, from: $0) }
        case .signatureScheme: return blanks(behind).map { $0..<fieldsEnd($0) }
        case .accessKey:
            let id = text[behind...].prefix(16)
            return id.count == 16 && id.allSatisfy(isUpperOrDigit) ? start..<(behind + 16) : nil
        case .token:
            let end = end(of: .token, from: behind)
            return end - behind >= 16 ? start..<end : nil
        case .webToken: return webToken(from: start)
        case .pem: return start..<pemBlockEnd(behind)
        case .authority:
            let authority = text[behind..<end(of: .authority, from: behind)]
            return authority.lastIndex(of: UInt8(ascii: "@")).map { behind..<$0 }
        }
    }

    // MARK: - Kinds

    private mutating func value(_ behind: Int, anySeparator: Bool) -> Range<Int>? {
        guard let separator = Separator(text, at: behind), anySeparator || separator.isAssignment else { return nil }
        return separator.end..<valueEnd(separator)
    }

    private mutating func valueEnd(_ separator: Separator) -> Int {
        switch separator.quote {
        case UInt8(ascii: "\""): quotedEnd(.doubleQuoted, from: separator.end)
        case UInt8(ascii: "'"): quotedEnd(.singleQuoted, from: separator.end)
        default: end(of: separator.isEncoded ? .encodedValue : .value, from: separator.end)
        }
    }

    private mutating func header(from start: Int, _ behind: Int) -> Range<Int>? {
        guard let separator = Separator(text, at: behind) else { return nil }
        let value = separator.end
        for pattern in ContentPattern.all where pattern.matches(text, at: value) {
            guard let credentials = blanks(value + pattern.word.count) else { continue }
            if case .scheme = pattern.kind { return credentials..<end(of: .value, from: credentials) }
            if case .signatureScheme = pattern.kind { return credentials..<fieldsEnd(credentials) }
        }
        // An unknown scheme: all of the value. The quotes are around it, or around the whole header.
        if separator.quote != nil { return value..<valueEnd(separator) }
        switch start > 0 ? text[start - 1] : 0 {
        case UInt8(ascii: "\""): return value..<quotedEnd(.doubleQuoted, from: value)
        case UInt8(ascii: "'"): return value..<quotedEnd(.singleQuoted, from: value)
        case UInt8(ascii: "<"): return value..<end(of: .value, from: value)
        default: return value..<end(of: .line, from: value)
        }
    }

    /// The end of `Credential=…, SignedHeaders=…, Signature=…`.
    private mutating func fieldsEnd(_ start: Int) -> Int {
        if fields.contains(start) { return fields.upperBound }
        var position = end(of: .value, from: start)
        while position < text.count, text[position] == UInt8(ascii: ",") || text[position] == UInt8(ascii: ";") {
            var next = position + 1
            while next < text.count, text[next] == UInt8(ascii: " ") { next += 1 }
            position = end(of: .value, from: next)
        }
        fields = start..<position
        return position
    }

    private mutating func webToken(from start: Int) -> Range<Int>? {
        // Inside a token that was looked at: either it is found already, or it has no dot.
        guard start >= checkedWebToken else { return nil }
        let end = end(of: .token, from: start)
        checkedWebToken = end
        return end - start >= 30 && text[start..<end].contains(UInt8(ascii: ".")) ? start..<end : nil
    }

    /// The end of the block, or of the text if the block was cut.
    private mutating func pemBlockEnd(_ behind: Int) -> Int {
        if pemBlock.contains(behind) { return pemBlock.upperBound }
        let (marker, dashes) = (Array("-----END ".utf8), Array("-----".utf8))
        let label = find(marker, from: behind).map { $0 + marker.count }
        let end = label.flatMap { find(dashes, from: $0) }.map { $0 + dashes.count } ?? text.count
        pemBlock = behind..<end
        return end
    }

    // MARK: - Reading

    /// The position behind one or more blanks, also as they are encoded in a query; `nil` if there is none.
    private func blanks(_ start: Int) -> Int? {
        var position = start
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "+"): position += 1
            case UInt8(ascii: "%") where text[position...].starts(with: "%20".utf8): position += 3
            default: return position > start ? position : nil
            }
        }
        return position > start ? position : nil
    }

    private mutating func end(of run: Run, from start: Int) -> Int {
        let known = measured[run.rawValue]
        if known.contains(start) { return known.upperBound }
        var end = start
        while end < text.count, !run.ends(text, at: end) { end += 1 }
        measured[run.rawValue] = start..<end
        return end
    }

    /// The closing quote; in a text that was escaped itself, the backslash before it.
    private mutating func quotedEnd(_ run: Run, from start: Int) -> Int {
        var end = end(of: run, from: start)
        if end < text.count { while end > start, text[end - 1] == UInt8(ascii: "\\") { end -= 1 } }
        return end
    }

    private func find(_ wanted: [UInt8], from start: Int) -> Int? {
        var position = start
        while position + wanted.count <= text.count {
            if text[position..<(position + wanted.count)].elementsEqual(wanted) { return position }
            position += 1
        }
        return nil
    }

    private func isUpperOrDigit(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) && !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }
}

/// Text between a name and its value.
private struct Separator {
    /// Where the value starts.
    let end: Int
    let isAssignment: Bool
    let isEncoded: Bool
    /// The quote that opens the value.
    let quote: UInt8?

    init?(_ text: UnsafeBufferPointer<UInt8>, at start: Int) {
        var position = start
        func skip(_ bytes: String) -> Bool {
            guard position < text.count, bytes.utf8.contains(text[position]) else { return false }
            position += 1
            return true
        }
        /// A quote, with the backslashes it has in a text that was escaped.
        func skipQuote() -> UInt8? {
            var next = position
            while next < text.count, text[next] == UInt8(ascii: "\\") { next += 1 }
            guard next < text.count, text[next] == UInt8(ascii: "\"") || text[next] == UInt8(ascii: "'") else {
                return nil
            }
            position = next + 1
            return text[next]
        }
        let closesName = skipQuote() != nil
        while skip(" \t") {}
        if skip("=") {
            (isAssignment, isEncoded) = (true, false)
        } else if skip(":>") || closesName && skip(",") {
            (isAssignment, isEncoded) = (false, false)
        } else if let (length, isEqualSign) = Separator.encoded(text[position...]) {
            position += length
            (isAssignment, isEncoded) = (isEqualSign, true)
        } else {
            return nil
        }
        while skip(" \t>") {}
        quote = skipQuote()
        end = position
    }

    /// `=` and `:`, percent-encoded once or more.
    private static func encoded(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> (length: Int, isEqualSign: Bool)? {
        guard text.first == UInt8(ascii: "%") else { return nil }
        var digits = text.dropFirst()
        while digits.starts(with: "25".utf8) { digits = digits.dropFirst(2) }
        guard digits.first == UInt8(ascii: "3"), let last = digits.dropFirst().first else { return nil }
        switch last {
        case UInt8(ascii: "D"), UInt8(ascii: "d"): return (text.count - digits.count + 2, true)
        case UInt8(ascii: "A"), UInt8(ascii: "a"): return (text.count - digits.count + 2, false)
        default: return nil
        }
    }
}
