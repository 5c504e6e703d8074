import Basics
import Foundation
import Testing

@testable import HoldfastService

@Suite("The health of a memory")
struct HealthTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func health(_ change: (inout MemoryHealth) -> Void) -> MemoryHealth {
        var health = MemoryHealth(
            id: "a", repository: "o/a", agent: "discord", location: "l", storage: "s", started: now)
        health.state = .idle
        change(&health)
        return health
    }

    @Test("A memory is ready while no change is older than the bound, however long ago the last save was")
    func ready() {
        #expect(health { $0.lastSuccess = now - 1_000_000 }.unreadiness(at: now) == nil)
        #expect(health { $0.oldestUnsavedChange = now - 60 }.unreadiness(at: now) == nil)
        let late = health {
            $0.oldestUnsavedChange = now - 75
            $0.add(MemoryHealth.Failure(time: now, code: .denied, message: "no right to write"))
        }
        #expect(late.lag(at: now) == 75)
        #expect(
            late.unreadiness(at: now) == "a change has not been saved for 75 s; 60 s are allowed: no right to write")
    }

    @Test("It is not ready before it is restored nor after the end", arguments: MemoryHealth.State.allCases)
    func states(_ state: MemoryHealth.State) {
        let isReady = [.idle, .saving, .retrying].contains(state)
        #expect((health { $0.state = state }.unreadiness(at: now) == nil) == isReady)
    }

    @Test("Twenty failures are kept, the newest first; all are counted by reason")
    func failures() {
        let health = health { health in
            for number in 0..<50 {
                health.add(
                    MemoryHealth.Failure(time: now, code: number % 2 == 0 ? .denied : .server, message: "\(number)"))
            }
        }
        #expect(health.errors.map(\.message) == (30..<50).reversed().map { "\($0)" })
        #expect(health.failuresByReason == [.denied: 25, .server: 25])
    }

    @Test("A board changes the memory that is named, and no other")
    func board() {
        let board = HealthBoard([health { _ in }])
        board.update("a") { $0.saves = 3 }
        board.update("b") { $0.saves = 4 }
        #expect(board.memories.map(\.saves) == [3])
        #expect(board["b"] == nil)
    }
}
