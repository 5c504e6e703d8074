import FileIO

/// A pattern for paths below the storage directory, matched byte by byte.
///
/// | in the pattern | matches |
/// | --- | --- |
/// | `*` | any part of one name |
/// | `**` | any part of a path; `**/` also nothing, so `**/x` matches `x` |
/// | `?` | one character (of UTF-8) of a name |
/// | `[a-z]`, `[!a-z]` | one ASCII character of a set, or one character outside it |
/// | `\` | the next character as it is |
///
/// A pattern that matches a directory matches all below it; one that ends in `/` matches only directories. A pattern
/// without a `/` (other than the last) is tried at every depth, as in `.gitignore`; a leading `/` ties it to the top.
public struct Glob: Sendable, Equatable, CustomStringConvertible {
    public let description: String
    private let tokens: [Token]
    private let directoriesOnly: Bool

    private enum Token: Equatable {
        case byte(UInt8)
        /// One byte of a set, never `/`.
        case one(of: ByteSet)
        /// Any number of bytes of a set.
        case any(of: ByteSet)
        /// `**/`: nothing, or anything that ends in `/`.
        case directories
    }

    /// - Returns: `nil` for a pattern that names nothing: empty, or only slashes.
    public init?(_ pattern: String) {
        var bytes = Array(pattern.utf8)[...]
        let slash = UInt8(ascii: "/")
        var directoriesOnly = false
        while bytes.last == slash {
            directoriesOnly = true
            bytes = bytes.dropLast()
        }
        let isAnchored = bytes.contains(slash)
        while bytes.first == slash { bytes = bytes.dropFirst() }
        guard !bytes.isEmpty else { return nil }
        description = printable(pattern.utf8)
        self.directoriesOnly = directoriesOnly
        tokens = (isAnchored ? [] : [.directories]) + Glob.parse(bytes)
    }

    /// Whether a file's path, or a directory on the way to it, matches.
    public func matches(_ path: RelativePath) -> Bool { run(over: path.bytes).matched }

    /// Whether a directory or something that could be below it matches: if not, nobody needs to look inside.
    func mayMatch(below directory: RelativePath) -> Bool {
        let (matched, alive) = run(over: directory.bytes + [UInt8(ascii: "/")])
        return matched || alive
    }

    /// Follows all readings of the pattern at once, so time grows with pattern times path and never explodes.
    /// - Returns: whether the path or a directory on the way matched, and whether a longer path still could.
    private func run(over path: [UInt8]) -> (matched: Bool, alive: Bool) {
        // `states[i]`: the tokens before `i` have matched what was read so far.
        var states = [Bool](repeating: false, count: tokens.count + 1)
        var next = states
        enter(0, &states)
        for byte in path {
            let isSlash = byte == UInt8(ascii: "/")
            if isSlash, states[tokens.count] { return (true, true) }
            var alive = false
            for (index, token) in tokens.enumerated() where states[index] {
                alive = true
                switch token {
                case .byte(let wanted): if byte == wanted { enter(index + 1, &next) }
                case .one(let set): if set.contains(byte) { enter(index + 1, &next) }
                case .any(let set): if set.contains(byte) { enter(index, &next) }
                case .directories:
                    next[index] = true
                    if isSlash { enter(index + 1, &next) }
                }
            }
            guard alive else { return (false, false) }
            swap(&states, &next)
            for index in next.indices { next[index] = false }
        }
        return (!directoriesOnly && states[tokens.count], states.contains(true))
    }

    /// Marks a state and those that follow it without taking a byte: a `.directories` is skipped only on entering it,
    /// since what comes after it must start a name.
    private func enter(_ state: Int, _ states: inout [Bool]) {
        var state = state
        states[state] = true
        while state < tokens.count {
            switch tokens[state] {
            case .any, .directories: state += 1
            default: return
            }
            states[state] = true
        }
    }

    private static func parse(_ pattern: ArraySlice<UInt8>) -> [Token] {
        var tokens: [Token] = []
        var rest = pattern
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                let isDouble = rest.first == UInt8(ascii: "*")
                while rest.first == UInt8(ascii: "*") { rest = rest.dropFirst() }
                let startsName = [nil, .byte(UInt8(ascii: "/")), .directories].contains(tokens.last)
                if isDouble, startsName, rest.first == UInt8(ascii: "/") {
                    rest = rest.dropFirst()
                    tokens.append(.directories)
                } else {
                    tokens.append(.any(of: isDouble ? .all : .name))
                }
            case UInt8(ascii: "?"):
                tokens += [.one(of: .start), .any(of: .continuation)]
            case UInt8(ascii: "["):
                guard let (set, isNegated, length) = ByteSet.parse(rest) else { fallthrough }
                rest = rest.dropFirst(length)
                tokens.append(.one(of: set))
                if isNegated { tokens.append(.any(of: .continuation)) }
            default:
                tokens.append(.byte(byte == UInt8(ascii: "\\") ? rest.popFirst() ?? byte : byte))
            }
        }
        return tokens
    }
}

/// A set of bytes.
private struct ByteSet: Equatable {
    private var members: [Bool]

    init(_ contains: (UInt8) -> Bool) { members = (0...255).map { contains(UInt8($0)) } }

    static let all = ByteSet { _ in true }
    static let name = ByteSet { $0 != UInt8(ascii: "/") }
    /// The bytes that continue a character in UTF-8 (RFC 3629 §3), and those that start one.
    static let continuation = ByteSet { $0 & 0xC0 == 0x80 }
    static let start = ByteSet { $0 & 0xC0 != 0x80 && $0 != UInt8(ascii: "/") }

    func contains(_ byte: UInt8) -> Bool { members[Int(byte)] }

    /// Reads a character class behind its `[`.
    /// - Returns: `nil` if no `]` closes it: then the `[` stands for itself, as in a shell.
    static func parse(_ text: ArraySlice<UInt8>) -> (set: ByteSet, isNegated: Bool, length: Int)? {
        var rest = text
        let isNegated = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
        if isNegated { rest = rest.dropFirst() }
        var listed: [ClosedRange<UInt8>] = []
        while let first = rest.popFirst() {
            // A `]` in the first place is a member.
            if first == UInt8(ascii: "]"), !listed.isEmpty {
                let set = ByteSet { byte in
                    start.contains(byte) && listed.contains { $0.contains(byte) } != isNegated
                }
                return (set, isNegated, text.count - rest.count)
            }
            if rest.first == UInt8(ascii: "-"), let last = rest.dropFirst().first, last != UInt8(ascii: "]") {
                rest = rest.dropFirst(2)
                if first <= last { listed.append(first...last) }
            } else {
                listed.append(first...first)
            }
        }
        return nil
    }
}
