import ObjectStore
import Repository
import Testing

@Suite("The history of a memory")
struct HistoryTests {
    @Test("is read in parts, and what is known is not read again")
    func parts() async throws {
        let meter = TransferMeter()
        var machine = Machine(MemoryObjectStore(meter: meter))
        for number in 1...6 {
            machine.write("file", "\(number)")
            try await machine.save()
        }
        let repository = machine.repository
        func numbers(_ history: History) -> [UInt64] { history.snapshots.map(\.name.sequence) }
        let newest = try await repository.history(limit: 2)
        #expect(numbers(newest) == [6, 5])
        #expect(newest.written.count == 6)
        let older = try await repository.history(limit: 3, before: 5)
        #expect(numbers(older) == [4, 3, 2])
        #expect(numbers(try await repository.history(before: 2)) == [1])
        #expect(numbers(try await repository.history(before: 1)).isEmpty)

        let before = meter.now.requests
        let again = try await repository.history(limit: 5, known: newest.snapshots + older.snapshots)
        #expect(numbers(again) == [6, 5, 4, 3, 2])
        #expect(again.snapshots == newest.snapshots + older.snapshots)
        #expect(meter.now.requests == before + 1)
    }

    @Test("a commit that was made anew under the same name is not taken for the one that is known")
    func changed() async throws {
        let store = MemoryObjectStore()
        var first = Machine(store)
        first.write("file", "one")
        try await first.save()
        let known = try await first.repository.history().snapshots
        for object in try await store.list(prefix: "").collect() { _ = try await store.delete([object.key]) }
        var second = Machine(store)
        second.write("file", "two")
        try await second.save()
        let now = try await second.repository.history(known: known).snapshots
        #expect(now.map(\.name) == known.map(\.name))
        #expect(now.map(\.id) != known.map(\.id))
    }
}
