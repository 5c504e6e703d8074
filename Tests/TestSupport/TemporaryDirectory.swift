import Foundation

/// Gives the body a new, empty directory, and removes it with all that is in it afterwards.
/// - Parameters:
///   - name: part of the directory's name, to recognise it by.
///   - inMemory: whether it may lie in `/dev/shm`, if there is room: for tests that synchronise the disk again and again
///     and are not about that.
public func withTemporaryDirectory<Result>(
    _ name: String = "test", inMemory: Bool = false,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (URL) async throws -> Result
) async throws -> Result {
    let parent = inMemory ? memory ?? FileManager.default.temporaryDirectory : FileManager.default.temporaryDirectory
    let folder = parent.resolvingSymlinksInPath()
        .appendingPathComponent("holdfast-\(name)-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

/// A file system in memory with a GiB of room; `nil` if there is none.
private let memory: URL? = {
    let path = "/dev/shm"
    let free = try? FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize] as? NSNumber
    guard let free, free.int64Value >= 1 << 30, FileManager.default.isWritableFile(atPath: path) else { return nil }
    return URL(fileURLWithPath: path, isDirectory: true)
}()
