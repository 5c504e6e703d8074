import FileIO

/// What of a storage directory is not stored, and why.
///
/// Three kinds of rules (the product's contract, "What is in the store"):
/// - Some **files are never stored**, at any depth and whatever the options: credentials, keys, temporary files, and the
///   files that SQLite keeps beside a database (a database travels as one consistent image). ASCII letters of either
///   case match. The same rules are asked before anything is written on a restore, since a store may hold what another
///   tool put there.
/// - Some **directories at the top** of the storage directory are left out unless an include pattern asks for them:
///   logs, downloads, checkouts, and `session_share`, which holds share secrets.
/// - What the user excludes is neither stored nor restored; includes bring none of it back.
public struct Exclusions: Sendable {
    /// One reason for leaving something out.
    public enum Rule: Sendable, Hashable, CustomStringConvertible {
        /// A file that no option brings back; the pattern it fell under.
        case neverStored(String)
        /// A top-level directory that an include pattern can bring back.
        case leftOut(String)
        /// The pattern of the user's that it fell under.
        case excluded(String)

        public var description: String {
            switch self {
            case .neverStored(let pattern): pattern
            case .leftOut(let directory): directory + "/"
            case .excluded(let pattern): printable(pattern.utf8)
            }
        }
    }

    /// The top-level directories that are left out by default.
    public static let leftOutDirectories = [
        "bin", "locks", "log", "repos", "session_share", "snapshot", "tool-output", "worktree",
    ]

    private let included: [Glob]

    /// The patterns of what is taken from the directories that are left out by default.
    public var includedPatterns: [String] { included.map(\.pattern) }

    private let excluded: [Glob]

    /// The patterns of what the user leaves out.
    public var excludedPatterns: [String] { excluded.map(\.pattern) }

    /// - Parameters:
    ///   - included: what to take from the directories that are left out by default.
    ///   - excluded: what to leave out.
    public init(including included: [Glob] = [], excluding excluded: [Glob] = []) {
        (self.included, self.excluded) = (included, excluded)
    }

    /// Takes everything that may be stored at all.
    public static let onlyNeverStored = Exclusions().forRestoring

    /// The rules of a restore: what is in the store comes here, unless it is never stored or the user excludes it.
    public var forRestoring: Exclusions {
        Exclusions(including: [Glob("**")].compactMap(\.self), excluding: excluded)
    }

    /// Which databases are taken, by their names.
    public var databaseNames: (excluded: [Glob], included: [Glob]) { (excluded, included) }

    /// Whether a file must not be stored, and not be restored either, as far as its name tells.
    public static func isNeverStored(_ path: RelativePath) -> Bool { neverStoredRule(path) != nil }

    /// The rule that keeps a file out of every store, as far as its name tells.
    public static func neverStoredRule(_ path: RelativePath) -> Rule? {
        let name = path.name
        if let exact = exactNames.first(where: { name.count == $0.bytes.count && name.ends(with: $0) }) {
            return .neverStored(exact.text)
        }
        if let suffix = suffixes.first(where: { name.ends(with: $0) }) { return .neverStored("*\(suffix.text)") }
        if let (stem, suffix) = sidecar(name), databaseSuffixes.contains(where: { stem.ends(with: $0) }) {
            return .neverStored("*\(suffix)")
        }
        return nil
    }

    /// The rule that leaves a file out, as far as its path tells.
    public func rule(for file: RelativePath) -> Rule? {
        if let rule = Self.neverStoredRule(file) ?? exclusion(of: file) { return rule }
        guard let directory = Self.leftOutDirectory(above: file) else { return nil }
        return included.contains { $0.matches(file) } ? nil : .leftOut(directory)
    }

    private func exclusion(of path: RelativePath) -> Rule? {
        excluded.first { $0.matches(path) }.map { .excluded($0.pattern) }
    }

    /// The rule that leaves out a directory with all that is in it, so that nobody needs to look inside.
    public func rule(forDirectory directory: RelativePath) -> Rule? {
        if StagingName.matches(directory.name) { return .neverStored("*.tmp") }
        if let rule = exclusion(of: directory) { return rule }
        guard directory.parent == nil,
            let name = Self.leftOutDirectories.first(where: { directory.bytes == Array($0.utf8) })
        else { return nil }
        return included.contains { $0.mayMatch(below: directory) } ? nil : .leftOut(name)
    }

    /// The name of the database and the suffix, if a file is called like one that SQLite keeps beside a database.
    ///
    /// The suffix alone decides nothing: `reading-journal` is a document. The file is SQLite's if the database's name
    /// says that it is one (``neverStoredRule(_:)``), or if there is a database of that name beside it, which only a
    /// look at the directory can tell (``StorageScan`` does).
    static func sidecar(_ name: some BidirectionalCollection<UInt8>) -> (stem: [UInt8], suffix: String)? {
        for suffix in sidecarSuffixes where name.ends(with: suffix) {
            let stem = name.dropLast(suffix.bytes.count)
            return stem.isEmpty ? nil : (Array(stem), suffix.text)
        }
        return nil
    }

    /// The end of a name, in lower case.
    fileprivate struct Ending: ExpressibleByStringLiteral {
        let text: String
        let bytes: [UInt8]

        init(stringLiteral text: String) { (self.text, bytes) = (text, Array(text.utf8)) }
    }

    private static let exactNames: [Ending] = ["account.json", "auth.json", "mcp-auth.json", ".env"]
    private static let suffixes: [Ending] = [".db-shm", ".key", ".pem", ".tmp"]
    private static let sidecarSuffixes: [Ending] = ["-wal", "-shm", "-journal"]
    private static let databaseSuffixes: [Ending] = [".db", ".db3", ".sqlite", ".sqlite3"]

    /// The names that are never stored, as patterns.
    public static let neverStoredPatterns =
        exactNames.map(\.text) + suffixes.map { "*\($0.text)" }
        + databaseSuffixes.flatMap { database in sidecarSuffixes.map { "*\(database.text)\($0.text)" } }
        .filter { !suffixes.map(\.text).contains(String($0.dropFirst())) }

    private static func leftOutDirectory(above file: RelativePath) -> String? {
        guard file.parent != nil, let top = file.components.first else { return nil }
        return leftOutDirectories.first { top.elementsEqual($0.utf8) }
    }
}

extension BidirectionalCollection<UInt8> {
    /// Whether the last bytes are these, whatever case they are in. Asked of every name a dozen times, and mostly answered
    /// by the last byte.
    fileprivate func ends(with ending: Exclusions.Ending) -> Bool {
        var position = endIndex
        for byte in ending.bytes.reversed() {
            guard position > startIndex else { return false }
            formIndex(before: &position)
            guard asciiLowercased(self[position]) == byte else { return false }
        }
        return true
    }
}
