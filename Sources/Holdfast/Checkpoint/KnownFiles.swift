import AgentDatabase
import AgentFiles

/// Files that are known to have been the same here and in a source.
struct KnownFiles: Sendable {
    let index: FileIndex
    /// Files that a killed pull was putting in place: what is here may be from before or from them.
    var restoring: FileIndex?

    /// Identifies a database without reading it: it is as it was when it was synchronised, or as a pull put it in place that
    /// was killed right behind that.
    ///
    /// Its content need not be that of the snapshot: a restore gives it this machine's paths and credentials.
    /// - Returns: its entry of the index; `nil` if it may have changed.
    func known(_ database: DatabaseFile) -> FileIndex.Entry? {
        guard let path = DatabaseEntries.path(of: database.name) else { return nil }
        if index.matches(database) { return index.entry(path) }
        guard let announced = restoring?.entry(path), announced.wasRestored,
            announced.inode == database.restoredFingerprint
        else { return nil }
        return database.indexEntry(
            at: path, size: announced.size, modified: announced.modified, sha256: announced.sha256,
            wasRestored: true)
    }
}
