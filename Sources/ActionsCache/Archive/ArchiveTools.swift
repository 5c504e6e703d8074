import FileIO
import NIOCore

/// The programs that make and open archives, as `actions/cache` runs them.
struct ArchiveTools: Sendable {
    let options: ActionsCache.Options
    let searchPath: String
    /// zstd where it is installed, else gzip. It is part of an entry's version.
    let compression: Compression

    /// - Throws: `CancellationError`.
    static func find(_ options: ActionsCache.Options, _ environment: CacheEnvironment) async throws -> ArchiveTools {
        let probe = ToolRun(
            program: options.zstd, arguments: ["--quiet", "--version"], searchPath: environment.searchPath)
        let compression: Compression
        do { compression = try await probe.run().isEmpty ? .gzip : .zstd } catch is ToolError { compression = .gzip }
        return ArchiveTools(options: options, searchPath: environment.searchPath, compression: compression)
    }

    /// Makes an archive of directories, under names relative to the workspace.
    /// - Parameter folder: where the archive is made.
    /// - Returns: the archive's path.
    /// - Throws: ``CacheError``; `CancellationError`.
    func create(_ paths: [String], workspace: String, folder: String) async throws -> String {
        let archive = compression.fileName
        try await FileIO.run {
            try makeDirectories(workspace)
            let base = CanonicalPath(workspace)
            let found = paths.map { CanonicalPath($0) }.filter { (try? FileStatus.at($0.text)) != nil }
            guard !found.isEmpty else {
                throw CacheError.failed("none of the paths to cache exists: \(paths.joined(separator: ", "))")
            }
            let manifest = try File.open("\(folder)/manifest.txt", [.write, .createNew, .noFollow], permissions: 0o600)
            try manifest.write(ByteBuffer(string: found.map { $0.name(from: base) }.joined(separator: "\n")), at: 0)
        }
        let program = compression == .zstd ? ["--use-compress-program", "\(options.zstd) -T0"] : ["-z"]
        let tar = ToolRun(
            program: options.tar,
            arguments: [
                "--posix", "-cf", archive, "--exclude", archive, "-P", "-C", CanonicalPath(workspace).text,
                "--files-from", "manifest.txt",
            ] + program, searchPath: searchPath, directory: folder)
        do { try await tar.run() } catch let error as ToolError {
            throw CacheError.failed(
                error.kind == .missing
                    ? "no archive can be made: \(error.reason)" : "the archive could not be made: \(error.reason)")
        }
        return "\(folder)/\(archive)"
    }

    /// Decompresses an archive, piece by piece. Windows above 128 MiB are refused, as `unzstd` does.
    /// - Throws: ``ArchiveProblem`` if it is damaged; ``CacheError``; `CancellationError`; what `body` throws.
    func expand(_ archive: String, _ body: (ByteBuffer) async throws -> Void) async throws {
        let program = compression == .zstd ? options.zstd : options.gzip
        let run = ToolRun(program: program, arguments: ["-d", "-q", "-c", archive], searchPath: searchPath)
        do { try await run.run(body) } catch let error as ToolError {
            if error.kind == .missing { throw CacheError.failed("the archive cannot be opened: \(error.reason)") }
            throw ArchiveProblem("it cannot be decompressed: \(error.reason)")
        }
    }
}
