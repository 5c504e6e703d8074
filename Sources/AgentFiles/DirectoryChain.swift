import FileIO

/// Opens directories below a root one name at a time, following no link, and keeps those on the way to the last one
/// open: visiting paths in tree order costs one open for each new directory.
///
/// Trees may be deeper than the process may have descriptors, so only the innermost ``openLimit`` stay open; others are
/// opened again when they are needed.
struct DirectoryChain {
    private static let openLimit = 64

    let root: File
    private var links: [(name: ArraySlice<UInt8>, directory: File?)] = []
    /// The directory that was opened last.
    private var latest: RelativePath?

    init(root: File) { self.root = root }

    /// How many names lead to the innermost directory that could be opened.
    var depth: Int { links.count }

    /// Opens a directory.
    /// - Parameters:
    ///   - path: where it is below the root; `nil` for the root itself.
    ///   - making: whether missing directories are made.
    ///   - made: is told the path of each that was.
    /// - Throws: ``FileError``; ``depth`` then says how many components were found to be directories.
    mutating func open(
        _ path: RelativePath?, making: Bool = false, _ made: ((RelativePath) -> Void)? = nil
    ) throws(FileError) -> File {
        // Most files lie beside the one before.
        if let path, path == latest { return try innermost() }
        latest = nil
        let names = path?.components ?? []
        var shared = 0
        while shared < min(names.count, links.count), names[shared] == links[shared].name { shared += 1 }
        links.removeLast(links.count - shared)
        for (index, name) in names.enumerated().dropFirst(shared) {
            let parent = try innermost()
            if making, try parent.makeDirectory(name, permissions: StagingName.directoryPermissions), let made,
                let path = RelativePath(components: names[...index])
            {
                made(path)
            }
            links.append((name, try descend(from: parent, to: name)))
            if links.count > Self.openLimit { links[links.count - 1 - Self.openLimit].directory = nil }
        }
        latest = path
        return try innermost()
    }

    /// Opens the directory that a file lies in.
    /// - Throws: as ``open(_:making:_:)``.
    mutating func open(holding path: RelativePath, making: Bool = false) throws(FileError) -> File {
        // Most files lie beside the one before.
        if let latest, path.isDirectlyBelow(latest) { return try innermost() }
        return try open(path.parent, making: making)
    }

    private mutating func innermost() throws(FileError) -> File {
        guard let last = links.last else { return root }
        if let directory = last.directory { return directory }
        var directory = root
        for link in links { directory = try descend(from: directory, to: link.name) }
        links[links.count - 1].directory = directory
        return directory
    }

    private func descend(from directory: File, to name: ArraySlice<UInt8>) throws(FileError) -> File {
        try File.open(name, in: directory, [.read, .directory, .noFollow])
    }
}
