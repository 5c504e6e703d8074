import ObjectStore

extension Repository {
    /// Looks whether every snapshot can be restored whole.
    ///
    /// Every commit is read and checked against its children, every part of every manifest is read once, and every pack
    /// that is needed must be there in its size. With `readData`, every needed pack is downloaded once, its SHA-256
    /// must be its name, and every blob that a snapshot refers to is expanded and its SHA-256 checked. A file of
    /// several chunks is not put together again: the commit's hash covers the manifest's, which covers the list of the
    /// chunks' in their order, so chunks that are right make a file that is right.
    ///
    /// Damage never ends the walk. Memory is bounded by the number of different blobs, at some 150 bytes each, and by a
    /// few frames; not by the number of snapshots.
    /// - Parameters:
    ///   - readData: download the packs as well.
    ///   - progress: is told how far the download is.
    /// - Throws: ``StoreError`` where the store does not say what is there: not proven is not damaged.
    ///   ``RepositoryError`` for a memory of another repository.
    public func verify(
        readData: Bool = false, progress: @escaping @Sendable (VerifyProgress) -> Void = { _ in }
    ) async throws -> VerifyReport {
        let verification = Verification(repository: self)
        try await verification.readCommits()
        // After the commits: so a save at work adds packs that nobody asks for yet, and no commit without its packs.
        try await verification.listPacks()
        try await verification.readRoots()
        try await verification.readPages()
        try await verification.readChunkLists()
        verification.checkManifests()
        verification.checkPacks(willBeRead: readData)
        if readData { try await verification.readPacks(progress) }
        try await verification.findHurtFiles()
        return verification.report(isDataRead: readData)
    }
}

/// What an error says of an object.
///
/// Other errors leave open what the object is, and are thrown on.
struct ObjectProblem {
    let reason: String
    /// A newer version of Holdfast wrote it.
    let isTooNew: Bool

    init(reason: String) {
        self.reason = reason
        isTooNew = false
    }

    init(_ error: any Error) throws {
        switch error {
        case let error as RepositoryError where error.kind == .damaged || error.kind == .formatTooNew:
            // The key is told apart from the reason.
            let start = error.key.map { "'\($0)' is damaged: " } ?? ""
            reason = error.message.hasPrefix(start) ? String(error.message.dropFirst(start.count)) : error.message
            isTooNew = error.kind == .formatTooNew
        case let error as StoreError where error.kind == .corrupt || error.kind == .tooLarge:
            reason = error.reason
            isTooNew = false
        default: throw error
        }
    }
}
