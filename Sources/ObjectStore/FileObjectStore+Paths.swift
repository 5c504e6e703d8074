import FileIO

/// The blocking half of the store: from a key's path to a durable name. Called on the file thread pool.
extension FileObjectStore {
    func openRoot() throws(FileError) -> File? {
        do { return try File.open(root, [.read, .directory]) } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    func directory(of path: FileKeyPath) throws(FileError) -> File {
        var directory = try File.open(root, [.read, .directory])
        for component in path.directories {
            directory = try File.open(component, in: directory, [.read, .directory, .noFollow])
        }
        return directory
    }

    /// Gives a finished temporary file its name, durably.
    func publish(
        _ temporary: [UInt8], in staging: File, as path: FileKeyPath, _ rule: WriteRule
    ) throws(StoreError) {
        var attempt = 1
        while let error = placeError(temporary, in: staging, at: path, rule) {
            // A delete beside us may remove a directory that has just become empty; then the way is made again.
            guard error.isNotFound, !error.isNotADirectory, attempt < 10 else {
                throw publishError(error, path.key, rule)
            }
            attempt += 1
        }
    }

    private func placeError(
        _ temporary: [UInt8], in staging: File, at path: FileKeyPath, _ rule: WriteRule
    ) -> FileError? {
        do throws(FileError) {
            try place(temporary, in: staging, at: path, rule)
            return nil
        } catch {
            return error
        }
    }

    private func place(
        _ temporary: [UInt8], in staging: File, at path: FileKeyPath, _ rule: WriteRule
    ) throws(FileError) {
        let directory = try makeDirectory(of: path)
        switch rule {
        case .overwrite: try staging.rename(temporary, to: path.name, in: directory)
        case .createOnly:
            try staging.link(temporary, to: path.name, in: directory)
            try staging.remove(temporary)
        }
        try directory.sync()
    }

    private func publishError(_ error: FileError, _ key: ObjectKey, _ rule: WriteRule) -> StoreError {
        if error.alreadyExists, rule == .createOnly {
            return StoreError(.alreadyExists, "create", key: key, "already exists")
        }
        if error.isNotADirectory || error.isADirectory {
            return StoreError(
                .invalid, "write", key: key, "one name cannot be a file and a directory at once",
                hint: "A file:// store cannot hold both 'a' and 'a/b'; use an S3 store, or rename one of them.")
        }
        return StoreError(wrapping: error, "write", key: key)
    }

    private func makeDirectory(of path: FileKeyPath) throws(FileError) -> File {
        var directory = try File.open(root, [.read, .directory])
        for component in path.directories {
            if try directory.makeDirectory(component) { try directory.sync() }
            directory = try File.open(component, in: directory, [.read, .directory, .noFollow])
        }
        return directory
    }

    func remove(_ path: FileKeyPath) throws(FileError) {
        guard let top = try openRoot() else { return }
        var way = [top]
        for component in path.directories {
            guard try kind(of: component, in: way[way.count - 1]) == .directory else { return }
            way.append(try File.open(component, in: way[way.count - 1], [.read, .directory, .noFollow]))
        }
        let directory = way[way.count - 1]
        guard try kind(of: path.name, in: directory) == .regular else { return }
        try directory.remove(path.name)
        try directory.sync()
        // Directories exist only for the sake of objects. One that is not empty stays, and so do those above it.
        for (parent, name) in zip(way, path.directories).reversed() {
            guard (try? parent.removeDirectory(name)) != nil else { break }
        }
    }

    private func kind(of name: [UInt8], in directory: File) throws(FileError) -> FileStatus.Kind? {
        do { return try directory.status(of: name).kind } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }
}
