import AgentFiles
import FileIO
import Logging
import NIOCore
import Repository

/// The image of another identity's database as it was at the last look, kept on this machine: of the next one only what
/// changed is fetched. Losing it costs transfers, nothing else.
struct FollowedImage: Sendable {
    let workspace: Workspace
    /// `nil` where nothing may be remembered.
    let path: String?

    /// Fetches the image of an entry into an empty file, and that of the last time, if there was one, into another.
    /// - Parameters:
    ///   - origin: the entry of the last time.
    /// - Throws: ``StoreError``, ``RepositoryError`` of kind `damaged`, ``FileError``.
    func fetch(_ entry: Entry, into file: File, origin: Entry?, into base: File?) async throws {
        guard let kept = await kept(origin) else {
            try await workspace.write(entry, to: file)
            if let origin, let base { try await workspace.write(origin, to: base) }
            return
        }
        if let base { try await FileIO.run { try kept.copyContent(to: base) } }
        try await FileIO.run { try file.truncate(to: entry.size) }
        var wanted: [FrameLocation: [(blob: BlobReference, offset: Int64)]] = [:]
        let blobs = try await workspace.repository.blobs(of: entry)
        let missing = try await FileIO.run { cancellation in
            var missing: [(blob: BlobReference, offset: Int64)] = []
            var offset: Int64 = 0
            for blob in blobs {
                try cancellation.check()
                var content = ByteBuffer()
                if try kept.read(into: &content, count: blob.length, at: offset) == blob.length,
                    Digest(of: content) == blob.digest
                {
                    try file.write(content, at: offset)
                } else {
                    missing.append((blob, offset))
                }
                offset += Int64(blob.length)
            }
            return missing
        }
        for item in missing { wanted[item.blob.frame, default: []].append(item) }
        let byFrame = wanted
        try await workspace.repository.readFrames(byFrame.keys) { frame in
            let targets = byFrame[frame.location] ?? []
            try await FileIO.run {
                let content = try frame.expand()
                for target in targets { try file.write(try content.blob(target.blob), at: target.offset) }
            }
        }
        guard try await FileIO.run({ try Digest(of: file) }) == entry.digest else {
            throw RepositoryError(.damaged, "the chunks of '\(entry.path)' do not make up the file of its SHA-256")
        }
    }

    /// Tables with rows that the database here had no place for at the last time: they are offered again, since its agent
    /// may have been upgraded.
    func hiddenTables() async -> Set<String> {
        guard let path else { return [] }
        let content = try? await FileIO.run { () throws -> String in
            var content = ByteBuffer()
            let file = try File.open(path + ".hidden", [.read, .noFollow])
            _ = try file.read(into: &content, count: 1 << 20, at: 0)
            return String(buffer: content)
        }
        return Set((content ?? "").split(separator: "\n").map(String.init))
    }

    func note(hiddenTables tables: Set<String>) async {
        guard tables != (await hiddenTables()) else { return }
        await write(".hidden", "The hidden tables of a followed database") { file in
            try file.write(ByteBuffer(string: tables.sorted().joined(separator: "\n")), at: 0)
        }
    }

    /// The image of the last time, if it is here and whole.
    private func kept(_ origin: Entry?) async -> File? {
        guard let path, let origin else { return nil }
        return try? await FileIO.run {
            let file = try File.open(path, [.read, .noFollow])
            return try file.status().size == origin.size && Digest(of: file) == origin.digest ? file : nil
        }
    }

    /// Keeps an image for the next time.
    func keep(_ image: File) async {
        await write("", "A followed database") { try image.copyContent(to: $0) }
    }

    /// Writes a file that is kept for the next time.
    private func write(
        _ suffix: String, _ what: String, _ content: @Sendable @escaping (File) throws -> Void
    ) async {
        guard let path else { return }
        do {
            try await FileIO.run {
                let names = path.utf8.split(separator: UInt8(ascii: "/"))
                let folder = String(decoding: path.utf8.dropLast(names.last?.count ?? 0), as: UTF8.self)
                try makeDirectories(folder, permissions: 0o700)
                let directory = try File.open(folder, [.read, .directory])
                let temporary = FileIO.temporaryName("image-")
                let file = try File.open(temporary, in: directory, [.readWrite, .createNew], permissions: 0o600)
                do {
                    try content(file)
                    try directory.rename(temporary, to: (names.last.map(Array.init) ?? []) + suffix.utf8, in: directory)
                } catch {
                    try? directory.remove(temporary)
                    throw error
                }
            }
        } catch {
            workspace.logger.debug("\(what) could not be kept", metadata: ["error": "\(error)"])
        }
    }
}
