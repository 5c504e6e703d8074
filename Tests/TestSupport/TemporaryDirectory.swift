import Foundation

/// Gives the body a new, empty directory, and removes it with all that is in it afterwards.
/// - Parameter name: part of the directory's name, to recognise it by.
public func withTemporaryDirectory<Result>(
    _ name: String = "test",
    isolation: isolated (any Actor)? = #isolation,
    _ body: (URL) async throws -> Result
) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
        .appendingPathComponent("holdfast-\(name)-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}
