import FileIO

/// An SQLite database beside a storage directory, with what the system says of it now.
public struct DatabaseFile: Sendable, Equatable {
    /// The name that the store has it under.
    public let name: [UInt8]
    /// The file itself: where an agent's path is a link, its target.
    public let path: String
    /// Of the main file; `nil` if only a log is there.
    public let main: FileStatus?
    /// Of the write-ahead log, unless that is empty.
    public let log: FileStatus?
    /// Of the rollback journal, unless that is empty: a transaction is at work, or was cut off.
    public let journal: FileStatus?

    /// Reads what the system says of a database and the files beside it.
    /// - Parameter name: in the store; the last component of the path if `nil`.
    /// - Returns: `nil` if neither the database nor its log is there.
    /// - Throws: ``FileError``.
    public static func at(_ path: String, name: [UInt8]? = nil) throws(FileError) -> DatabaseFile? {
        let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let last = names.last, !last.isEmpty else { return nil }
        func status(_ path: String) throws(FileError) -> FileStatus? {
            do { return try FileStatus.at(path) } catch {
                if error.isMissing { return nil }
                throw error
            }
        }
        let main = try status(path)
        let log = try status(path + "-wal").flatMap { $0.size > 0 ? $0 : nil }
        guard main != nil || log != nil else { return nil }
        let journal = try status(path + "-journal").flatMap { $0.size > 0 ? $0 : nil }
        return DatabaseFile(name: name ?? Array(last), path: path, main: main, log: log, journal: journal)
    }

    /// Nanoseconds since 1970 of the last change of content.
    public var modified: Int64 { max(main?.modified ?? 0, log?.modified ?? 0) }
    /// Nanoseconds since 1970 of the last change of content, name or rights. Of the log, only its content counts: SQLite
    /// itself sets the owner of a log anew when it opens it.
    public var changed: Int64 { max(main?.changed ?? 0, log?.modified ?? 0) }
    /// In bytes, log included.
    public var size: Int64 { (main?.size ?? 0) + (log?.size ?? 0) }

    /// Sums up all that changes when somebody writes to the database: two of the same value are the same state, but for
    /// writes within one tick of the clock.
    public var fingerprint: UInt64 { Self.sum(main, log, UInt64(bitPattern: main?.changed ?? 0)) }

    /// The same without what a rename changes: what ``DatabaseInstall/fingerprint()`` says of a file before it takes its
    /// place, for as long as nobody writes to it. `nil` if there is a log, which no restore leaves.
    public var restoredFingerprint: UInt64? { log == nil ? main.map(Self.restoredFingerprint) : nil }

    static func restoredFingerprint(_ status: FileStatus) -> UInt64 { sum(status, nil, 0) }

    private static func sum(_ main: FileStatus?, _ log: FileStatus?, _ last: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        func mix(_ field: UInt64) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                hash = (hash ^ (field >> shift & 0xFF)) &* 0x100_0000_01B3
            }
        }
        for status in [main, log] {
            mix(UInt64(bitPattern: status?.size ?? 0))
            mix(UInt64(bitPattern: status?.modified ?? 0))
            mix(status?.inode ?? 0)
        }
        mix(last)
        return hash
    }
}
