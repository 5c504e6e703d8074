import FileIO
import NIOConcurrencyHelpers
import NIOCore

/// Extracts an archive, all or nothing.
///
/// The archive is decompressed twice: first every header is checked, then the same is written beside each wanted directory,
/// which is exchanged by renaming at the end. It is not handed to tar, so that what was checked is what is written:
/// two programs may read one odd header in two ways.
struct ArchiveExtraction: Sendable {
    /// The path of the archive, in a directory that is this process's alone.
    let archive: String
    let roots: ArchiveRoots
    let tools: ArchiveTools
    let options: ActionsCache.Options

    /// - Throws: ``ArchiveProblem`` before anything was written; ``CacheError``, `FileError`, `CancellationError` with
    ///   the directories as they were.
    func run() async throws {
        try await read(into: nil)
        let staging = ArchiveStaging(roots)
        do {
            try await read(into: staging)
            try await FileIO.run { try staging.install() }
        } catch {
            await FileIO.cleanUp { staging.discard() }
            throw error
        }
        await FileIO.cleanUp { staging.discard() }
    }

    private struct Progress {
        var reader = TarReader()
        var check: ArchiveCheck

        mutating func take(_ piece: ByteBuffer, into staging: ArchiveStaging?) throws {
            try check.count(piece.readableBytes)
            for event in try reader.consume(piece) {
                switch event {
                case .member(let member):
                    let placed = try check.check(member)
                    try staging?.begin(placed)
                case .content(let content): try staging?.append(content)
                }
            }
        }

        func finish() throws(ArchiveProblem) {
            try reader.finish()
            if !check.hasRoot { throw ArchiveProblem("it holds nothing for the wanted directories") }
        }
    }

    private func read(into staging: ArchiveStaging?) async throws {
        let progress = NIOLockedValueBox(Progress(check: ArchiveCheck(roots, options)))
        try await tools.expand(archive) { piece in
            try await FileIO.run { try progress.withLockedValue { try $0.take(piece, into: staging) } }
        }
        try progress.withLockedValue { try $0.finish() }
    }
}
