/// Known secrets, in the forms in which they may turn up in a text.
struct RegisteredSecrets: Sendable {
    private static let capacity = 256
    private static let shortest = 6
    /// A text may have been cut in the middle of a secret: so much of its start is enough to know it.
    private static let recognised = 16

    private var secrets: [String] = []
    /// By their first four bytes.
    private var forms: [UInt32: [[UInt8]]] = [:]
    /// Which two bytes start a form, or one of ``ContentPattern/all``.
    private(set) var starts = PairSet.patterns

    mutating func insert(_ secret: String) {
        let trimmed = secret.trimmed
        guard trimmed.utf8.count >= Self.shortest, !Redactor.mark.contains(trimmed), !secrets.contains(trimmed) else {
            return
        }
        secrets.append(trimmed)
        if secrets.count > Self.capacity {
            secrets.removeFirst(Self.capacity / 4)
            forms = [:]
            starts = .patterns
            for secret in secrets { add(secret) }
        } else {
            add(trimmed)
        }
    }

    private mutating func add(_ secret: String) {
        for form in Set(secretForms(Array(secret.utf8))) where form.count >= Self.shortest {
            forms[Self.key(form[0], form[1], form[2], form[3]), default: []].append(form)
            starts.insert(form[0], form[1])
        }
    }

    private static func key(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) -> UInt32 {
        UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// How many bytes at a position belong to a secret; 0 if none.
    func match(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int {
        guard position + Self.shortest <= text.count, !forms.isEmpty else { return 0 }
        let key = Self.key(text[position], text[position + 1], text[position + 2], text[position + 3])
        var longest = 0
        for form in forms[key] ?? [] {
            var length = 4
            while length < form.count, position + length < text.count, form[length] == text[position + length] {
                length += 1
            }
            if length >= min(form.count, Self.recognised) { longest = max(longest, length) }
        }
        return longest
    }
}

/// A set of byte pairs, for ruling out nearly every position of a text with one look.
struct PairSet: Sendable {
    private var words = [UInt64](repeating: 0, count: 1024)

    /// The pairs that start a pattern, in upper and lower case.
    static let patterns: PairSet = {
        var pairs = PairSet()
        for pattern in ContentPattern.all {
            for first in bothCases(pattern.word[0]) {
                for second in bothCases(pattern.word[1]) { pairs.insert(first, second) }
            }
        }
        return pairs
    }()

    mutating func insert(_ first: UInt8, _ second: UInt8) {
        words[Int(first) << 2 | Int(second) >> 6] |= 1 << UInt64(second & 63)
    }

    func contains(_ first: UInt8, _ second: UInt8) -> Bool {
        words[Int(first) << 2 | Int(second) >> 6] >> UInt64(second & 63) & 1 == 1
    }

    private static func bothCases(_ byte: UInt8) -> [UInt8] {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? [byte, byte & ~0x20] : [byte]
    }
}

extension String {
    /// Without white space at the ends, such as the line break behind a secret in a file.
    fileprivate var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
