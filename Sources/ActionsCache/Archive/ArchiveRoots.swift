import FileIO

/// Where the content of an archive may go: the directories that are wanted, and nowhere else.
struct ArchiveRoots: Sendable {
    /// A place below a root; `path` is `nil` for the root itself.
    struct Place: Hashable, Sendable {
        let root: Int
        let path: RelativePath?
    }

    let roots: [CanonicalPath]
    private let workspace: CanonicalPath

    /// - Parameters:
    ///   - paths: absolute directories; one below another is covered by that.
    ///   - workspace: where relative names start.
    init(paths: [String], workspace: String) async throws {
        (roots, self.workspace) = try await FileIO.run {
            let all = paths.map { CanonicalPath($0) }
            let outer = all.enumerated().filter { index, path in
                !all.enumerated().contains { other, above in
                    other != index && path.components.starts(with: above.components)
                        && (above.components.count < path.components.count || other < index)
                }
            }
            return (outer.map(\.element), CanonicalPath(workspace))
        }
        if roots.contains(where: \.components.isEmpty) { throw CacheError.failed("the whole file system is no cache") }
    }

    /// Where a member goes, by its name.
    /// - Throws: ``ArchiveProblem`` if that is below no root.
    func place(_ name: [UInt8]) throws(ArchiveProblem) -> Place {
        guard !name.isEmpty else { throw ArchiveProblem(name, "has no name") }
        guard !name.contains(0) else { throw ArchiveProblem(name, "has a NUL in its name") }
        let components = CanonicalPath.resolved(name, from: workspace.components)
        for (index, root) in roots.enumerated() where components.starts(with: root.components) {
            let rest = components.dropFirst(root.components.count)
            return Place(root: index, path: RelativePath(components: rest))
        }
        throw ArchiveProblem(name, "lies outside of the directories to restore")
    }
}
