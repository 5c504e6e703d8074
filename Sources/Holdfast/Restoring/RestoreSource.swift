import AgentFiles
import FileIO
import ObjectStore
import Repository

/// Where the files of a restore come from: it offers files, and hands out their content.
enum RestoreSource: Sendable {
    case snapshot(SnapshotSource)
    case mirror(MirrorSource)

    /// The names that it offers, sorted into those that may be written and those that must not.
    /// - Parameter existing: files that stay here.
    func names(existing: [RelativePath]) -> SafePaths {
        switch self {
        case .snapshot(let source): SafePaths.check(source.entries.map(\.path), existing: existing)
        case .mirror(let source): SafePaths.check(source.objects.keys, existing: existing)
        }
    }

    /// All files of a source that can tell what a snapshot does not have, whatever their names are.
    var uncheckedFiles: [OfferedFile] {
        guard case .snapshot(let source) = self else { return [] }
        return source.entries.map { .entry($0) }
    }

    func absences(_ rule: AbsenceRule) -> RestorePlan.Absences {
        RestorePlan.Absences(stored: Set(uncheckedFiles.map(\.path)), rule: rule)
    }

    /// The files with these names, in the order of their paths.
    func files(_ names: SafePaths) -> [OfferedFile] {
        switch self {
        case .snapshot(let source):
            guard !names.refused.isEmpty else { return source.entries.map { .entry($0) } }
            let refused = Set(names.refused.map(\.path))
            return source.entries.lazy.filter { !refused.contains($0.path.bytes) }.map { .entry($0) }
        case .mirror(let source):
            return names.accepted.compactMap { path in
                source.objects[path.bytes].map { .object($0, path: path, digest: nil) }
            }
        }
    }

    /// The files with these names, whether they may be written or not.
    func files(named names: Set<[UInt8]>) -> [OfferedFile] {
        switch self {
        case .snapshot(let source): source.entries.filter { names.contains($0.path.bytes) }.map { .entry($0) }
        case .mirror(let source):
            names.compactMap { name in
                guard let path = RelativePath(name), let object = source.objects[name] else { return nil }
                return .object(object, path: path, digest: nil)
            }
        }
    }

    /// Whether a name is that of an object with which consoles mark a folder. There is nothing in it to lose.
    func isFolderMarker(_ refusal: SafePaths.Refusal) -> Bool {
        guard case .mirror(let source) = self else { return false }
        return source.objects[refusal.path]?.size == 0 && [.directory, .empty].contains(refusal.reason)
    }

    /// Sizes of the files whose digests it knows, by which files here need not be read.
    var sizes: [RelativePath: Int64] {
        guard case .snapshot(let source) = self else { return [:] }
        return Dictionary(source.entries.map { ($0.path, $0.size) }) { first, _ in first }
    }

    /// Finds out the digests of files whose content is known without fetching it.
    /// - Parameter here: takes the digests of files here that had to be read for it.
    func identify(_ files: [OfferedFile], _ here: inout LocalObservation) async throws -> [OfferedFile] {
        switch self {
        case .snapshot: files
        case .mirror(let source): try await source.identify(files, &here)
        }
    }

    /// Whether what has arrived can be verified, and so be used by the next restore.
    var isResumable: Bool {
        switch self {
        case .snapshot: true
        case .mirror: false
        }
    }

    /// Fetches files into a staging directory.
    /// - Returns: the same with all digests, in the order of their paths.
    func fetch(_ fetches: [RestorePlan.Fetch], into tree: StagedTree) async throws -> [RestorePlan.Fetch] {
        switch self {
        case .snapshot(let source):
            try await source.fetch(fetches, into: tree)
            return fetches
        case .mirror(let source): return try await source.fetch(fetches, into: tree)
        }
    }
}
