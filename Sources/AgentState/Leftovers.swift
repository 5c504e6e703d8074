import FileIO

extension StagedTree {
    static let stagingPrefix = ".holdfast-"

    /// Whether a name is that of a staging directory: `.holdfast-`, 16 hex digits, `.tmp`.
    static func isStagingName(_ name: some Collection<UInt8>) -> Bool {
        let (prefix, suffix) = (stagingPrefix.utf8, ".tmp".utf8)
        guard name.count == prefix.count + 16 + suffix.count else { return false }
        return name.starts(with: prefix) && name.dropFirst(prefix.count + 16).elementsEqual(suffix)
            && name.dropFirst(prefix.count).prefix(16).allSatisfy(isHexDigit)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}

/// Staging directories that a process left when it died: nobody holds their lock any more.
struct Leftovers {
    private(set) var removed = 0
    private(set) var failures: [FileError] = []

    init(removedFrom root: File) throws(FileError) {
        for entry in try root.entries() where entry.kind == .directory && StagedTree.isStagingName(entry.name) {
            do throws(FileError) {
                let directory = try File.open(entry.name, in: root, [.read, .directory, .noFollow])
                guard try directory.tryLock() else { continue }
                // Removed under the lock: two processes that start together do not both count it.
                try root.removeTree(entry.name)
                removed += 1
            } catch {
                // Gone: another process was faster.
                if !error.isMissing { failures.append(error) }
            }
        }
    }
}
