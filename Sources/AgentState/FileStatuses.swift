import FileIO

extension File {
    /// What the system knows of files below this directory, without following links. Blocks.
    /// - Parameter paths: fastest in the order of the tree.
    /// - Returns: for each path its status; `nil` where nothing can be seen.
    public func statuses(of paths: [RelativePath]) -> [FileStatus?] {
        var chain = DirectoryChain(root: self)
        return paths.map { path in
            guard let directory = try? chain.open(path.parent) else { return nil }
            return try? directory.status(of: path.name)
        }
    }
}
