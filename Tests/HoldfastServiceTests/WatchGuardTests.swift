import Basics
import Foundation
import Holdfast
import HoldfastService
import ObjectStore
import Repository
import TestSupport
import Testing

@Suite("A watch and removals", .timeLimit(.minutes(3)))
struct WatchGuardTests {
    private func names(_ range: Range<Int>) -> [String] { range.map { "message/\($0).json" } }

    private func state(_ range: Range<Int>) -> [String: String] {
        Dictionary(uniqueKeysWithValues: names(range).map { ($0, "{}") })
    }

    private func write(_ fixture: ServiceFixture, _ range: Range<Int>, machine: String = "data") throws {
        for name in names(range) { try fixture.write(name, "{}", machine: machine) }
    }

    private func rest(_ fixture: ServiceFixture) async throws {
        try await eventually("rest") {
            fixture.health.saves > 0 && fixture.health.oldestUnsavedChange == nil && fixture.health.state == .idle
        }
    }

    @Test("What an agent removes under watch goes, however much it is")
    func seen() async throws {
        try await ServiceFixture.with { fixture in
            try write(fixture, 0..<20)
            try await fixture.watching {
                try await eventually("the first save") { try await fixture.stored() == state(0..<20) }
                try await rest(fixture)
                for name in names(0..<20) {
                    try FileManager.default.removeItem(atPath: "\(fixture.storage)/\(name)")
                }
                try fixture.write("message/new.json", "{}")
                try await eventually("the removals") { try await fixture.stored() == ["message/new.json": "{}"] }
            }
        }
    }

    @Test("What vanishes with the storage directory waits, and what is new is saved")
    func vanished() async throws {
        try await ServiceFixture.with { fixture in
            try write(fixture, 0..<20)
            try await fixture.watching {
                try await eventually("the first save") { try await fixture.stored() == state(0..<20) }
                try await rest(fixture)
                try FileManager.default.moveItem(atPath: fixture.storage, toPath: "\(fixture.folder)/unmounted")
                try fixture.write("message/new.json", "{}")
                try await eventually("the new file") { try await fixture.stored()["message/new.json"] != nil }
                try fixture.write("message/newer.json", "{}")
                try await eventually("the next one") { try await fixture.stored()["message/newer.json"] != nil }
                #expect(try await fixture.stored().count == 22)
            }
            #expect(fixture.health.failuresSince == 0)
        }
    }

    @Test("What somebody's rollback removed goes here too, but for what the agent changed since")
    func rollback() async throws {
        try await ServiceFixture.with { fixture in
            try write(fixture, 0..<4)
            let other = try fixture.memory(machine: "other")
            try #require(await fixture.memory().push().success)
            try write(fixture, 4..<6)
            try await fixture.watching {
                try await eventually("the first save") { try await fixture.stored() == state(0..<6) }
                try await rest(fixture)
                let old = try await other.repository.snapshot(named: "latest~1")
                _ = try await other.rollback(to: old)
                try await eventually("the rollback") { try await fixture.stored() == state(0..<4) }
                try fixture.write("message/5.json", "changed since")
                let expected = state(0..<4).merging(["message/5.json": "changed since"]) { $1 }
                try await eventually("the save after it") { try await fixture.stored() == expected }
                try await eventually("the removal here") {
                    !FileManager.default.fileExists(atPath: "\(fixture.storage)/message/4.json")
                }
                try fixture.write("message/9.json", "{}")
                try await eventually("one more save") {
                    try await fixture.stored() == expected.merging(["message/9.json": "{}"]) { $1 }
                }
            }
        }
    }
}
