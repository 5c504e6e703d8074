import FileIO
import NIOCore
import ObjectStore
import Repository
import Testing

@Suite("Saving behind a damaged snapshot") struct FallbackTests {
    /// What `push` does on a machine that does not pull: it remembers its own files, not those that others added.
    private func push(
        _ files: [String: String], _ time: Int64, _ repository: Repository,
        base: (snapshot: Snapshot, files: [FileFacts])?
    ) async throws -> (snapshot: Snapshot, files: [FileFacts]) {
        let writer = SnapshotWriter(repository, upon: try await repository.newest())
        var state: [SaveRequest.File] = []
        for (path, content) in files.sorted(by: { $0.key < $1.key }) {
            state.append(.new(try await Machine.write(path, content, time, to: writer)))
        }
        let result = try await repository.save(writer, SaveRequest(files: state, base: base, writer: "test"))
        return (result.snapshot, state.map(\.facts))
    }

    @Test("takes away no file of others that was never here")
    func keepsFilesOfOthers() async throws {
        let store = MemoryObjectStore()
        var other = Machine(store)
        let repository = other.repository
        var base = try await push(["a": "1"], 1, repository, base: nil)
        try await other.restore()
        other.write("theirs", "by the other")
        try await other.save()
        base = try await push(["a": "2"], 2, repository, base: base)

        let damaged = base.snapshot.commit.manifest.pack.hexadecimal
        let key = ObjectKey("memory/github/owner-repo/packs/\(damaged.prefix(2))/\(damaged)")
        _ = try await store.delete([key])
        #expect(try await repository.newest().heads.damaged.count == 1)
        _ = try await push(["a": "3"], 3, repository, base: base)

        let newest = try await repository.newest()
        let manifest = try #require(newest.manifest)
        #expect(try await repository.contents(of: manifest) == ["a": "3", "theirs": "by the other"])
    }
}
