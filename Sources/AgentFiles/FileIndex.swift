import Basics
import FileIO

/// What this machine remembers of the files of a storage directory, so that a save need not read what did not change.
///
/// The index tells of each file what the system said of it and what its content hashed to then. It is a convenience:
/// losing it costs time, never data. A file that is damaged, torn or of another version is as good as none.
public struct FileIndex: Sendable, Equatable {
    /// One file.
    public struct Entry: Sendable, Equatable {
        public let path: RelativePath
        /// In bytes.
        public let size: Int64
        /// Nanoseconds since 1970 of the last change of content.
        public let modified: Int64
        /// Nanoseconds since 1970 of the last change of content, name or rights.
        public let changed: Int64
        public let inode: UInt64
        /// Of the content.
        public let sha256: Digest
        /// This process wrote the file itself and set ``modified`` back to a time long past. A later write moves it to
        /// the present, so that ``changed``, which is that of the restore, does not have to be settled.
        public let wasRestored: Bool

        public init(path: RelativePath, status: FileStatus, sha256: Digest, wasRestored: Bool = false) {
            self.init(
                path: path, size: status.size, modified: status.modified, changed: status.changed,
                inode: status.inode, sha256: sha256, wasRestored: wasRestored)
        }

        public init(
            path: RelativePath, size: Int64, modified: Int64, changed: Int64, inode: UInt64, sha256: Digest,
            wasRestored: Bool = false
        ) {
            (self.path, self.size, self.modified, self.changed) = (path, size, modified, changed)
            (self.inode, self.sha256, self.wasRestored) = (inode, sha256, wasRestored)
        }
    }

    /// How long a file must have been left alone before the scan, in nanoseconds. File systems keep times in steps of
    /// up to two seconds (FAT), most in ticks of a few milliseconds.
    public static let settlingTime: Int64 = 2_000_000_000

    /// Which store, memory and storage directory it is for, as text of the caller's.
    public let scope: String
    /// The snapshot it belongs to, as bytes of the caller's.
    public let base: [UInt8]
    /// When the scan began that the entries come from, in nanoseconds since 1970 by the clock of this machine.
    public let takenAt: Int64
    /// In the byte order of their paths, each path once: two indexes, or an index and a scan, can be merged.
    public let entries: [Entry]

    /// - Parameter entries: in any order; of several for one path the first counts.
    public init(scope: String, base: [UInt8], takenAt: Int64, entries: [Entry]) {
        (self.scope, self.base, self.takenAt) = (scope, base, takenAt)
        var sorted = entries
        if !Self.isAscending(sorted) {
            var seen = Set<RelativePath>()
            sorted = sorted.filter { seen.insert($0.path).inserted }.sorted { $0.path < $1.path }
        }
        self.entries = sorted
    }

    private static func isAscending(_ entries: [Entry]) -> Bool {
        entries.indices.dropFirst().allSatisfy { entries[$0 - 1].path < entries[$0].path }
    }

    /// The hash that a file's content still has.
    /// - Parameters:
    ///   - path: of the file.
    ///   - status: what the system says of it now.
    /// - Returns: `nil` if the file is unknown, may have changed, or is not ``isTrusted(_:)``.
    public func lookup(_ path: RelativePath, _ status: FileStatus) -> Digest? {
        guard let entry = entry(path), matches(entry, status) else { return nil }
        return entry.sha256
    }

    /// Whether an entry tells the content of the file at its path, for who walks ``entries`` beside a scan.
    public func matches(_ entry: Entry, _ status: FileStatus) -> Bool {
        status.kind == .regular && entry.size == status.size && entry.modified == status.modified
            && entry.changed == status.changed && entry.inode == status.inode && isTrusted(entry)
    }

    /// Whether a write after the scan would have shown.
    ///
    /// A file that was written when it was looked at can be written again within the same tick of the file system's
    /// clock, with the same size: all that the system says of it stays the same while the content does not. So what
    /// changed less than two seconds before the scan, or after it began, is read again, as git does with its index
    /// (Documentation/technical/racy-git).
    public func isTrusted(_ entry: Entry) -> Bool {
        let (settled, overflow) = takenAt.subtractingReportingOverflow(Self.settlingTime)
        guard !overflow, entry.modified < settled else { return false }
        return entry.wasRestored || entry.changed < settled
    }

    /// The entry for a path.
    public func entry(_ path: RelativePath) -> Entry? {
        let index = entries.firstIndex(notBelow: { $0.path < path })
        return index < entries.count && entries[index].path == path ? entries[index] : nil
    }
}
