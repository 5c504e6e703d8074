import FileIO
import NIOCore
import ObjectStore

/// Where a memory's copy for the Actions cache is, and how it gets there.
///
/// What the cache holds is not a copy of the agent's files but a small `file://` store with the newest snapshot. So a hit is
/// verified and restored like any snapshot, holds no secret, and says whether the store has something newer.
public struct CachePlace: Sendable {
    public let service: any CacheService
    /// Absolute path of the cached store. It is part of what the service tells entries apart by, so it has to be the same in
    /// each run of a workflow.
    public let directory: String
    public let keys: CacheKeys

    public init(service: any CacheService, directory: String, keys: CacheKeys) {
        self.service = service
        self.directory = directory
        self.keys = keys
    }

    /// The directory for a memory: `{base}/{agent}-{owner-repo}-{hash}`; the hash is that of the whole key of the memory.
    /// - Parameter base: `$XDG_CACHE_HOME/holdfast/actions`.
    public static func directory(for location: MemoryLocation, below base: String) -> String {
        let name = String(
            decoding: "\(location.agent.name)-\(MemoryLocation.sanitized(location.repository))".utf8.prefix(150),
            as: UTF8.self)
        return "\(base)/\(name)-\(Digest(of: ByteBuffer(string: location.key)).hexadecimal.prefix(8))"
    }

    /// Where a new state of the cached store is made.
    var staging: String { directory + ".new" }
    private var replaced: String { directory + ".old" }

    /// Keeps other processes of this machine away from the directory.
    /// - Returns: holds the lock as long as it lives; `nil` if another process has it.
    /// - Throws: ``FileError``.
    func lock() async throws -> File? {
        let path = directory + ".lock"
        let parent = Self.split(directory).parent
        return try await FileIO.run {
            try makeDirectories(parent, permissions: 0o700)
            let file = try File.open(path, [.readWrite, .create], permissions: 0o600)
            return try file.tryLock() ? file : nil
        }
    }

    /// Removes what a killed process left.
    func removeLeftovers() async throws {
        try await removeStaging()
        try await remove(replaced)
    }

    /// Removes a new state of the cached store that is not needed.
    func removeStaging() async throws { try await remove(staging) }

    /// Puts the new state of the cached store in the place of the former one.
    /// - Throws: ``FileError``.
    func publish() async throws {
        let (parent, name) = Self.split(directory)
        try await FileIO.run {
            let folder = try File.open(parent, [.read, .directory])
            let (new, old) = (Array((name + ".new").utf8), Array((name + ".old").utf8))
            if try folder.statusIfPresent(of: name.utf8) != nil { try folder.rename(name.utf8, to: old, in: folder) }
            try folder.rename(new, to: name.utf8, in: folder)
            try folder.removeTree(old)
        }
    }

    /// Removes the cached store.
    func clear() async throws { try await remove(directory) }

    private func remove(_ path: String) async throws {
        let (parent, name) = Self.split(path)
        try await FileIO.run {
            do throws(FileError) { try File.open(parent, [.read, .directory]).removeTree(name.utf8) } catch {
                if !error.isNotFound { throw error }
            }
        }
    }

    private static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
    }
}
