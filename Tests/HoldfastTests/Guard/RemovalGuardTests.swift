import Testing

@testable import Holdfast

@Suite("Which removals wait")
struct RemovalGuardTests {
    @Test(
        "A loss of more than half and at least five sessions, or of all, waits",
        arguments: [
            (0, 0, false), (0, 1, false), (0, 100, false), (1, 1, true), (2, 2, true), (4, 4, true), (1, 2, false),
            (2, 3, false), (3, 4, false), (4, 5, false), (4, 6, false), (4, 7, false), (5, 5, true), (5, 6, true),
            (5, 9, true), (5, 10, false), (6, 11, true), (6, 12, false), (50, 100, false), (51, 100, true),
            (100, 100, true), (2501, 5001, true), (2500, 5001, false), (.max, .max, true), (.max - 1, .max, true),
        ])
    func sessions(removed: Int, total: Int, waits: Bool) {
        let loss = Loss(unit: .sessions, removed: removed, total: total)
        #expect(loss.isLarge == waits)
        #expect(RemovalGuard(isOff: false).holds([loss]) == waits)
        #expect(!RemovalGuard(isOff: true).holds([loss]))
    }

    @Test(
        "Of files, it takes ten",
        arguments: [
            (0, 0, false), (1, 1, true), (5, 5, true), (9, 9, true), (5, 6, false), (9, 10, false), (9, 17, false),
            (10, 10, true), (10, 11, true), (10, 19, true), (10, 20, false), (11, 20, true), (99, 100, true),
        ])
    func files(removed: Int, total: Int, waits: Bool) {
        #expect(Loss(unit: .files, removed: removed, total: total).isLarge == waits)
    }

    @Test("What cannot be counted is no loss, and one large loss among others is enough")
    func several() {
        let removals = RemovalGuard(isOff: false)
        #expect(!removals.holds([]))
        #expect(!removals.holds([nil, nil]))
        let (small, large) = (Loss(unit: .files, removed: 1, total: 9), Loss(unit: .sessions, removed: 5, total: 6))
        #expect(!removals.holds([small, nil]))
        #expect(removals.holds([small, nil, large]))
    }

    @Test("The message has the numbers of all that waits")
    func words() {
        var held = HeldRemovals()
        #expect(held.isEmpty)
        held.add(nil)
        held.add(Loss(unit: .files, removed: 0, total: 4))
        #expect(held.isEmpty && held.words == "nothing")
        held.add(Loss(unit: .files, removed: 1, total: 1))
        #expect(held.words == "1 of 1 file")
        held.add(Loss(unit: .sessions, removed: 8, total: 9))
        held.add(Loss(unit: .sessions, removed: 1, total: 1))
        #expect(held.words == "9 of 10 sessions and 1 of 1 file")
        held.databases = ["opencode.db"]
        #expect(held.words == "9 of 10 sessions, 1 of 1 file and the database 'opencode.db'")
    }

    @Test("A place is kept while the directory and each database have the same device and inode")
    func place() {
        func place(_ storage: UInt64?, _ databases: [String: UInt64], device: UInt64 = 1) -> PlaceIdentity {
            PlaceIdentity(
                storage: storage.map { PlaceIdentity.Place(device: device, inode: $0) },
                databases: databases.mapValues { PlaceIdentity.Place(device: device, inode: $0) })
        }
        let before = place(7, ["a": 1])
        #expect(before.isKept(in: before))
        #expect(before.isKept(in: place(7, ["a": 1, "b": 2])))
        #expect(!before.isKept(in: place(8, ["a": 1])))
        #expect(!before.isKept(in: place(nil, ["a": 1])))
        #expect(!before.isKept(in: place(7, ["a": 2])))
        #expect(!before.isKept(in: place(7, [:])))
        #expect(!before.isKept(in: place(7, ["a": 1], device: 2)))
        #expect(place(nil, [:]).isKept(in: before))
    }
}
