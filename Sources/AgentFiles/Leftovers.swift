import FileIO

extension StagedTree {
    /// Removes what dead processes have left in a storage directory, for who has nothing to stage. Blocks.
    /// - Throws: ``FileError``.
    public static func removeLeftovers(in root: String) throws(FileError) {
        _ = try Leftovers(in: try File.open(root, [.read, .directory]), keeping: false)
    }
}

/// Staging directories that a process left when it died: nobody holds their lock any more.
struct Leftovers {
    /// One that is kept for its files, under a lock that keeps other processes away.
    struct Kept {
        let name: [UInt8]
        let directory: File
        /// What was staged; `nil` if the process died before it could stage anything.
        let files: DirectoryPool?
    }

    private(set) var removed = 0
    private(set) var kept: [Kept] = []
    private(set) var failures: [FileError] = []

    /// - Parameter keeping: whether they are to be kept; else they are removed.
    init(in root: File, keeping: Bool) throws(FileError) {
        for entry in try root.entries() where entry.kind == .directory && StagingName.matches(entry.name) {
            do throws(FileError) {
                let directory = try File.open(entry.name, in: root, [.read, .directory, .noFollow])
                guard try directory.tryLock() else { continue }
                if keeping {
                    kept.append(Kept(name: entry.name, directory: directory, files: try Self.files(of: directory)))
                } else {
                    // Removed under the lock: two processes that start together do not both count it.
                    try root.removeTree(entry.name)
                    removed += 1
                }
            } catch {
                // Gone: another process was faster.
                if !error.isMissing { failures.append(error) }
            }
        }
    }

    private static func files(of directory: File) throws(FileError) -> DirectoryPool? {
        do throws(FileError) {
            return DirectoryPool(
                root: try File.open(StagingArea.filesName, in: directory, [.read, .directory, .noFollow]))
        } catch {
            if error.isMissing { return nil }
            throw error
        }
    }
}
