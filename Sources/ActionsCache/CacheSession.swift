import FileIO
import Logging
import NIOCore

/// One call: its keys, checked; its connections; the programs of this machine.
struct CacheSession: Sendable {
    let cache: ActionsCache
    let paths: [String]
    let keys: [CacheKey]
    let tools: ArchiveTools
    let http: CacheHTTP
    let service: any CacheService

    var version: String { CacheVersion.hash(paths: paths, compression: tools.compression) }

    func lookUp() async throws -> FoundEntry? {
        guard cache.environment.mode.isReadable else {
            throw CacheError.denied("the cache mode of this job is '\(cache.environment.mode.rawValue)'")
        }
        return try await service.lookUp(keys, version: version)
    }

    func restore() async throws -> CacheRestoreOutcome {
        let roots = try await ArchiveRoots(paths: paths, workspace: cache.environment.workspace)
        guard let entry = try await lookUp() else { return .miss }
        return try await withArchiveFolder { folder in
            let path = "\(folder)/\(tools.compression.fileName)"
            let file = try await FileIO.run {
                try File.open(path, [.readWrite, .createNew, .noFollow], permissions: 0o600)
            }
            let download = BlobDownload(
                http: http, options: cache.options, entry: entry, file: file, logger: cache.logger)
            let bytes = try await download.run { try await lookUp() }
            do {
                try await ArchiveExtraction(archive: path, roots: roots, tools: tools, options: cache.options).run()
            } catch let problem as ArchiveProblem {
                throw CacheError.unusable(key: entry.key, reason: problem.description)
            }
            return .hit(key: entry.key, bytes: bytes)
        }
    }

    /// - Returns: the size of the archive.
    func save() async throws -> Int64 {
        // Asked before the archive is built, which may take minutes.
        guard cache.environment.mode.isWritable else {
            throw CacheError.denied("the cache mode of this job is '\(cache.environment.mode.rawValue)'")
        }
        if RuntimeToken(cache.environment.token).mayWrite == false {
            throw CacheError.denied("the token of this run has no writable cache scope")
        }
        guard let key = keys.first else { throw CacheError.failed("a cache key is missing") }
        return try await withArchiveFolder { folder in
            let path = try await tools.create(paths, workspace: cache.environment.workspace, folder: folder)
            let (file, size) = try await FileIO.run { () throws -> (File, Int64) in
                let file = try File.open(path, [.read, .noFollow])
                return (file, try file.status().size)
            }
            cache.logger.debug("Actions cache archive made", metadata: ["cache.bytes": "\(size)"])
            try await service.save(StoredArchive(file: file, size: size), key: key, version: version)
            return size
        }
    }

    /// A directory of its own, for this user alone, gone afterwards whatever happens.
    private func withArchiveFolder<Result: Sendable>(
        _ body: (_ folder: String) async throws -> Result
    ) async throws -> Result {
        let parent = cache.environment.temporary
        let name = FileIO.temporaryName("holdfast-cache-")
        let directory = try await FileIO.run { () throws -> File in
            try makeDirectories(parent)
            let directory = try File.open(parent, [.read, .directory])
            try directory.makeDirectory(name, permissions: 0o700)
            return directory
        }
        do {
            let result = try await body("\(parent)/\(String(decoding: name, as: UTF8.self))")
            await FileIO.cleanUp { try? directory.removeTree(name) }
            return result
        } catch {
            await FileIO.cleanUp { try? directory.removeTree(name) }
            throw error
        }
    }
}

extension ActionsCache {
    /// Checks what a call was given, opens its connections, and closes them afterwards.
    func withSession<Result: Sendable>(
        _ paths: [String], keys: [String], _ body: (CacheSession) async throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        guard !paths.isEmpty else { throw CacheError.failed("no path is given") }
        for path in paths where !path.hasPrefix("/") || path.contains("\n") || path.utf8.contains(0) {
            throw CacheError.failed("'\(printable(path.utf8))' is no absolute path")
        }
        let checked: [CacheKey]
        do { checked = try CacheKey.all(keys) } catch { throw CacheError.failed(error.description) }
        let tools = try await ArchiveTools.find(options, environment)
        return try await CacheHTTP.withHTTP(environment, options) { http in
            let context = ServiceContext(http: http, environment: environment, options: options, logger: logger)
            let service: any CacheService = service == .v2 ? TwirpService(context) : RESTService(context)
            return try await body(
                CacheSession(cache: self, paths: paths, keys: checked, tools: tools, http: http, service: service))
        }
    }
}
