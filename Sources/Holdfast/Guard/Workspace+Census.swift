import AgentDatabase
import AgentFiles
import Agents
import Basics
import FileIO
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Repository

/// The sessions of databases by the digests of their images, as far as an operation has counted them. What cannot be counted
/// is unknown.
final class KnownCensuses: Sendable {
    private let workspace: Workspace
    private let known = NIOLockedValueBox<[Digest: SessionCensus]>([:])
    private let reader = SessionReader()

    init(_ workspace: Workspace) async {
        self.workspace = workspace
        let remembered = await workspace.localState.censuses()
        known.withLockedValue { $0 = remembered }
    }

    func note(_ census: SessionCensus?, of digest: Digest) {
        guard let census else { return }
        known.withLockedValue { $0[digest] = census }
    }

    /// - Returns: `nil` if nobody has counted them.
    func known(_ digest: Digest) -> SessionCensus? { known.withLockedValue { $0[digest] } }

    /// The sessions of a stored database, which is fetched if nobody has counted them yet.
    /// - Throws: ``StoreError``, ``RepositoryError``, `CancellationError`.
    func stored(_ entry: Entry) async throws -> SessionCensus? {
        if let census = known(entry.digest) { return census }
        let copy = try await FileIO.run { try DatabaseTables() }
        try await workspace.write(entry, to: copy.file)
        let census = try await count { [reader] in try reader.census(of: copy, $0) }
        note(census, of: entry.digest)
        return census
    }

    /// The sessions of a live database.
    func here(_ database: DatabaseFile) async throws -> SessionCensus? {
        try await count { [reader] in try reader.census(of: database, $0) }
    }

    /// Counts the sessions of stored databases that are here as they are stored.
    func noteHere(_ entries: [Entry]) async throws {
        let unknown = entries.filter { known($0.digest) == nil }
        guard !unknown.isEmpty, let base = await workspace.localState.read() else { return }
        for database in try await workspace.databases().databases {
            guard let entry = base.files.known(database), unknown.contains(where: { $0.digest == entry.sha256 }) else {
                continue
            }
            note(try await here(database), of: entry.sha256)
        }
    }

    /// The sessions of an image that was just made of a live database.
    func captured(_ image: DatabaseImage) async throws -> SessionCensus? {
        try await count { [reader] in try reader.census(of: image, $0) }
    }

    /// The sessions of an image without a connection.
    func made(_ image: DatabaseImage) async throws -> SessionCensus? {
        try await count { [reader] cancellation in
            let copy = try DatabaseTables()
            try image.copy(to: copy.file)
            return try reader.census(of: copy, cancellation)
        }
    }

    /// The sessions of a stored database that was fetched into a file.
    func fetched(_ entry: Entry, in file: File) async throws {
        guard known(entry.digest) == nil else { return }
        let census = try await count { [reader] cancellation in
            let copy = try DatabaseTables()
            try file.copyContent(to: copy.file)
            return try reader.census(of: copy, cancellation)
        }
        note(census, of: entry.digest)
    }

    /// The sessions of a database on its way to its place.
    func staged(_ install: DatabaseInstall) async throws -> SessionCensus? {
        try await count { [reader] in try reader.census(of: install, $0) }
    }

    private func count(_ work: @escaping @Sendable (Cancellation) throws -> SessionCensus?) async throws
        -> SessionCensus?
    {
        do { return try await FileIO.run { try work($0) } } catch let error as CancellationError { throw error } catch {
            workspace.logger.debug("Sessions could not be counted", metadata: ["error": "\(error)"])
            return nil
        }
    }

    // MARK: Whole states

    /// The sessions of a snapshot; `nil` if not all of them are known without fetching anything.
    func sessions(of files: [FileFacts]) -> SessionCensus? {
        let databases = files.filter { DatabaseEntries.contains($0.path) }
        guard !databases.isEmpty else { return sessions(inFiles: files) }
        var all = SessionCensus()
        for database in databases {
            guard let census = known(database.digest) else { return nil }
            all.formUnion(census)
        }
        return all
    }

    /// The sessions of the JSON era: agents that have a database no longer read the files.
    func sessions(inFiles files: [FileFacts]) -> SessionCensus {
        var census = SessionCensus()
        for file in files {
            guard let id = reader.session(at: file.path) else { continue }
            census.add(id, SessionCensus.Mark(version: file.digest.mark))
        }
        return census
    }

    /// The sessions that paths of the JSON era are the files of.
    func sessions(at paths: [RelativePath]) -> SessionCensus {
        var census = SessionCensus()
        for path in paths { if let id = reader.session(at: path) { census.add(id, SessionCensus.Mark(version: 0)) } }
        return census
    }

    /// Remembers the sessions of the databases among some files.
    func remember(_ files: [FileFacts]) async {
        let databases = files.filter { DatabaseEntries.contains($0.path) }
        let wanted = Dictionary(databases.compactMap { file in known(file.digest).map { (file.digest, $0) } }) {
            first, _ in first
        }
        guard !databases.isEmpty else { return }
        do { try await workspace.localState.write(wanted) } catch {
            // Losing this costs a transfer.
            workspace.logger.debug("Could not remember the sessions", metadata: ["error": "\(error)"])
        }
    }
}

extension Digest {
    /// Its first bytes, as a mark of the content.
    fileprivate var mark: Int64 {
        hexadecimal.utf8.prefix(15).reduce(0) { $0 << 4 | Int64($1 & 0xF) }
    }
}
