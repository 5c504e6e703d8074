import Glibc

/// A name in a directory, and what kind of thing it names.
public struct DirectoryEntry: Sendable, Equatable {
    public let name: [UInt8]
    public let kind: FileStatus.Kind
}

extension File {
    /// The names in this directory, without `.` and `..`, in byte order.
    /// - Throws: ``FileError``, also when reading breaks off in the middle.
    public func entries() throws(FileError) -> [DirectoryEntry] {
        // A descriptor of its own: fdopendir takes it over, and its position must not be shared.
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw FileError("list", path: path) }
        guard let stream = fdopendir(copy) else {
            let code = errno
            _ = Glibc.close(copy)
            throw FileError("list", path: path, code: code)
        }
        defer { closedir(stream) }
        var found: [DirectoryEntry] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw FileError("list", path: path) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { continue }
            let kind: FileStatus.Kind
            switch Int(entry.pointee.d_type) {
            case Int(DT_REG): kind = .regular
            case Int(DT_DIR): kind = .directory
            case Int(DT_LNK): kind = .link
            case Int(DT_UNKNOWN): kind = try status(of: name).kind
            default: kind = .other
            }
            found.append(DirectoryEntry(name: name, kind: kind))
        }
        return found.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// Makes a directory below this one.
    /// - Returns: whether it was made; `false` if the name is already taken.
    @discardableResult
    public func makeDirectory(_ name: some Collection<UInt8>, permissions: UInt32 = 0o755) throws(FileError) -> Bool {
        if mkdirat(descriptor, try terminated(name, "make directory"), permissions) == 0 { return true }
        guard errno == EEXIST else { throw FileError("make directory", path: joined(name)) }
        return false
    }

    /// Renames atomically, replacing what has the new name.
    public func rename(
        _ old: some Collection<UInt8>, to new: some Collection<UInt8>, in directory: File
    ) throws(FileError) {
        let from = try terminated(old, "rename")
        let to = try terminated(new, "rename")
        guard renameat(descriptor, from, directory.descriptor, to) == 0 else {
            throw FileError("rename", path: directory.joined(new))
        }
    }

    /// ``link(_:to:in:)`` for a file that may be missing, which is no error then.
    /// - Returns: whether the file is there and has the second name.
    public func linkIfPresent(
        _ old: some Collection<UInt8>, to new: some Collection<UInt8>, in directory: File
    ) throws(FileError) -> Bool {
        let from = try terminated(old, "link")
        let to = try terminated(new, "link")
        if linkat(descriptor, from, directory.descriptor, to, 0) == 0 { return true }
        guard errno == ENOENT else { throw FileError("create", path: directory.joined(new)) }
        return false
    }

    /// Gives a file a second name atomically.
    /// - Throws: ``FileError``; ``FileError/alreadyExists`` if the name is taken.
    public func link(
        _ old: some Collection<UInt8>, to new: some Collection<UInt8>, in directory: File
    ) throws(FileError) {
        let from = try terminated(old, "link")
        let to = try terminated(new, "link")
        guard linkat(descriptor, from, directory.descriptor, to, 0) == 0 else {
            throw FileError("create", path: directory.joined(new))
        }
    }

    /// Removes a name of a file.
    public func remove(_ name: some Collection<UInt8>) throws(FileError) {
        guard unlinkat(descriptor, try terminated(name, "remove"), 0) == 0 else {
            throw FileError("remove", path: joined(name))
        }
    }

    /// Removes an empty directory.
    public func removeDirectory(_ name: some Collection<UInt8>) throws(FileError) {
        guard unlinkat(descriptor, try terminated(name, "remove"), AT_REMOVEDIR) == 0 else {
            throw FileError("remove", path: joined(name))
        }
    }

    /// Removes a name and, if it is a directory, all below it. Links are removed, not followed.
    public func removeTree(_ name: some Collection<UInt8>) throws(FileError) {
        let kind: FileStatus.Kind
        do { kind = try status(of: name).kind } catch {
            if error.isNotFound { return }
            throw error
        }
        guard kind == .directory else { return try remove(name) }
        let directory = try File.open(name, in: self, [.read, .directory, .noFollow])
        for entry in try directory.entries() { try directory.removeTree(entry.name) }
        try removeDirectory(name)
    }
}

/// Makes a directory and those above it, where they are missing.
public func makeDirectories(_ path: String, permissions: UInt32 = 0o755) throws(FileError) {
    var made = path.utf8.first == UInt8(ascii: "/") ? "/" : ""
    for component in path.utf8.split(separator: UInt8(ascii: "/")) {
        made += String(decoding: component, as: UTF8.self)
        if mkdir(made, permissions) != 0, errno != EEXIST { throw FileError("make directory", path: made.utf8) }
        made += "/"
    }
}
