import ObjectStore
import Testing

@testable import Repository

@Suite("An object that the store does not hand out") struct RefusedObjectTests {
    /// Two snapshots, and the pack of the newer one.
    private func memory() async throws -> (TroubledStore, Machine, pack: ObjectKey) {
        let store = TroubledStore()
        var machine = Machine(store)
        machine.write("a", "first")
        try await machine.save()
        machine.write("a", "second")
        let saved = try await machine.save()
        return (store, machine, machine.repository.key(ofPack: saved.snapshot.commit.manifest.pack))
    }

    /// What answers of 403 and of 402, 423 or 451 become.
    static let refusals: [StoreError.Kind] = [.denied, .invalid]

    @Test("A refused pack ends a restore, and no older snapshot takes its place", arguments: refusals)
    func restore(_ refusal: StoreError.Kind) async throws {
        let (store, machine, pack) = try await memory()
        store.trouble(pack, refusal)
        let error = await #expect(throws: StoreError.self) { try await machine.repository.newest() }
        #expect(error?.kind == refusal)
        store.trouble(pack, nil)
        #expect(try await machine.repository.newest().tip?.commit.seq == 2)
    }

    @Test("A refused pack ends a save, which passes nothing over", arguments: refusals)
    func save(_ refusal: StoreError.Kind) async throws {
        let (store, _, pack) = try await memory()
        store.trouble(pack, refusal)
        var other = Machine(store)
        other.write("b", "third")
        await #expect(throws: StoreError.self) { try await other.save() }
        #expect(try await other.repository.history().snapshots.count == 2)
    }

    @Test("A refused object ends a verification, which calls nothing damaged", arguments: refusals)
    func verify(_ refusal: StoreError.Kind) async throws {
        let (store, machine, pack) = try await memory()
        store.trouble(pack, refusal)
        let error = await #expect(throws: StoreError.self) { try await machine.repository.verify(readData: true) }
        #expect(error?.kind == refusal)
    }

    @Test("A commit that is listed and cannot be had is found damaged")
    func goneCommit() async throws {
        let (store, machine, _) = try await memory()
        let key = machine.repository.key(of: CommitName(sequence: 1))
        store.trouble(key, .notFound)
        #expect(try await machine.repository.verify().damages.map(\.key) == [key])
    }
}
