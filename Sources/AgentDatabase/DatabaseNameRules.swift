import FileIO

/// Which files beside a storage directory are databases of the agent by their names, and which are copies of one.
///
/// Programs that synchronise folders leave conflict copies, and people make backups. None of them is what an agent opens, and
/// each would travel to every machine for ever. What is left out is not deleted anywhere.
public struct DatabaseNameRules: Sendable {
    /// Patterns that leave out a database, and patterns that take one although its name is that of a copy.
    private let excluded: [Glob]
    private let included: [Glob]

    public init(excluding excluded: [Glob] = [], including included: [Glob] = []) {
        (self.excluded, self.included) = (excluded, included)
    }

    /// - Parameter name: of a file beside the storage directory, in the form `opencode*.db`.
    /// - Returns: why it is left out; `nil` if it is taken.
    public func reason(toLeaveOut name: [UInt8]) -> String? {
        guard let path = RelativePath(name) else { return nil }
        if let reason = exclusion(of: path) { return reason }
        guard let reason = Self.copyReason(name), !included.contains(where: { $0.matches(path) }) else { return nil }
        return reason
    }

    /// Why a database is left out that `OPENCODE_DB` names, whatever its file is called.
    public func reason(toLeaveOutNamed name: [UInt8]) -> String? { RelativePath(name).flatMap(exclusion) }

    private func exclusion(of path: RelativePath) -> String? {
        excluded.first { $0.matches(path) }.map { "excluded by '\($0)'" }
    }

    /// Words that tools and people put into the names of copies. OpenCode's own names are `opencode.db` and
    /// `opencode-CHANNEL.db`.
    private static let backupWords: Set<String> = [
        "backup", "backups", "bak", "copy", "old", "orig", "original", "before", "broken", "corrupt", "corrupted",
        "damaged", "recovered", "restored", "saved", "tmp", "temp",
    ]

    /// - Returns: `nil` for a name that an agent may open.
    static func copyReason(_ name: [UInt8]) -> String? {
        guard DatabaseScan.isDatabaseName(name) else { return nil }
        let middle = name.dropFirst("opencode".utf8.count).dropLast(".db".utf8.count).map(asciiLowercased)
        guard !middle.isEmpty else { return nil }
        let text = String(decoding: middle, as: UTF8.self)
        // Syncthing: .sync-conflict-DATE-TIME-ID. Dropbox, Nextcloud: (… conflicted copy DATE). ownCloud: _conflict-DATE.
        if text.contains("conflict") { return "a conflict copy" }
        // OneDrive adds the computer's name, which Windows makes from these.
        if text.hasPrefix("-desktop-") || text.hasPrefix("-laptop-") { return "a conflict copy" }
        let words = text.split { !$0.isLetter && !$0.isNumber }
        if words.contains(where: { backupWords.contains(String($0)) }) { return "a backup" }
        // "opencode 2.db", "opencode (1).db": no channel has such a name.
        return middle.contains { [UInt8](" ()[]~#,;'!".utf8).contains($0) } ? "a copy" : nil
    }

    /// Whether a file that is not called like a database is a copy of one: `opencode.db.bak`, `opencode.db~`.
    static func isBackup(_ name: [UInt8]) -> Bool {
        let parts = String(decoding: name, as: UTF8.self).split(
            separator: ".db", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].hasPrefix("opencode"), let rest = parts.last, !rest.isEmpty else {
            return false
        }
        // The files that SQLite keeps beside a database, and what a restore has kept.
        return !["-wal", "-shm", "-journal"].contains { rest.hasSuffix($0) } && !rest.hasPrefix(".replaced-")
    }
}
