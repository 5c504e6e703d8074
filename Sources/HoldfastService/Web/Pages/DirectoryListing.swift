import FileIO
import Repository

/// What lies directly in a directory of a snapshot. A snapshot has no directories: they are in the paths of its files.
struct DirectoryListing {
    struct Row {
        let path: RelativePath
        /// `nil` for a directory.
        let entry: Entry?
        var files = 0
        /// With all that is below it.
        var bytes: Int64 = 0
        /// The newest time in it, in nanoseconds since 1970.
        var modified: Int64 = 0
    }

    /// In the order of the paths.
    private(set) var rows: [Row] = []
    private(set) var files = 0
    private(set) var bytes: Int64 = 0

    var isEmpty: Bool { rows.isEmpty }

    /// - Parameters:
    ///   - entries: in the order of their paths.
    ///   - directory: the storage directory if `nil`.
    init(_ entries: [Entry], in directory: RelativePath?) {
        let prefix = directory.map { $0.bytes.count + 1 } ?? 0
        for entry in entries {
            if let directory, !entry.path.isBelow(directory) { continue }
            let rest = entry.path.bytes[prefix...]
            let end = rest.firstIndex(of: UInt8(ascii: "/"))
            guard let path = RelativePath(entry.path.bytes[..<(end ?? rest.endIndex)]) else { continue }
            // Entries of one directory stand together, except where a file's name sorts between them.
            let known = end == nil ? nil : rows.lastIndex { $0.entry == nil && $0.path == path }
            let index = known ?? rows.count
            if known == nil { rows.append(Row(path: path, entry: end == nil ? entry : nil)) }
            rows[index].files += 1
            rows[index].bytes += entry.size
            rows[index].modified = max(rows[index].modified, entry.modified)
            files += 1
            bytes += entry.size
        }
    }
}
