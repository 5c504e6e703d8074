import Basics
import Foundation
import Holdfast
import HoldfastService
import ObjectStore
import TestSupport
import Testing

@Suite("A watched memory", .timeLimit(.minutes(3)))
struct MemoryWatchTests {
    @Test("Changes are saved as they happen, new directories included", arguments: WatchOptions.Detection.allCases)
    func saves(_ detection: WatchOptions.Detection) async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("session/one", "1")
            var options = WatchOptions()
            options.detection = detection
            options.scanInterval = .seconds(1)
            try await fixture.watching(options) {
                try await eventually("the first save") { try await fixture.stored() == ["session/one": "1"] }
                try fixture.write("session/one", "2")
                try fixture.write("message/new/deep/two", "2")
                try await eventually("the second save") {
                    try await fixture.stored() == ["session/one": "2", "message/new/deep/two": "2"]
                }
                try fixture.write("message/new/deep/three", "3")
                try FileManager.default.removeItem(atPath: "\(fixture.storage)/session/one")
                try await eventually("the third save") {
                    try await fixture.stored() == ["message/new/deep/two": "2", "message/new/deep/three": "3"]
                }
                try await eventually("rest") {
                    fixture.health.oldestUnsavedChange == nil && fixture.health.state == .idle
                }
            }
            let health = fixture.health
            #expect(health.state == .stopped)
            #expect(health.failuresSince == 0)
            #expect(health.snapshotsSaved >= 3)
            #expect(health.files == 2)
            #expect(health.lastSuccess != nil)
        }
    }

    @Test("A storage directory that appears later is watched, and so is one that is replaced")
    func appears() async throws {
        try await ServiceFixture.with { fixture in
            var options = WatchOptions()
            options.scanInterval = .seconds(600)
            try await fixture.watching(options) {
                try await eventually("the start") { fixture.health.state == .idle && fixture.health.saves > 0 }
                try fixture.write("a", "1")
                try await eventually("the first save") { try await fixture.stored() == ["a": "1"] }
                try fixture.write("b", "1", machine: "other")
                try fixture.write("a", "1", machine: "other")
                try FileManager.default.moveItem(atPath: fixture.storage, toPath: "\(fixture.folder)/data/former")
                try FileManager.default.moveItem(atPath: "\(fixture.folder)/other/storage", toPath: fixture.storage)
                try await eventually("the directory that took its place") {
                    try await fixture.stored() == ["a": "1", "b": "1"]
                }
                try fixture.write("c", "1")
                try await eventually("a change in it") {
                    try await fixture.stored() == ["a": "1", "b": "1", "c": "1"]
                }
            }
        }
    }

    @Test("A JSON file that is just being written keeps the version that it had until it is whole")
    func torn() async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("message/m/1.json", "{}")
            try await fixture.watching {
                try await eventually("the first save") { try await fixture.stored() == ["message/m/1.json": "{}"] }
                try fixture.write("message/m/1.json", "")
                try fixture.write("message/m/2.json", "")
                try fixture.write("notes.txt", "")
                try await eventually("a save of what is whole") {
                    try await fixture.stored() == ["message/m/1.json": "{}", "notes.txt": ""]
                }
                try fixture.write("message/m/2.json", "[2]")
                try await eventually("a save of what is whole now") {
                    try await fixture.stored() == [
                        "message/m/1.json": "{}", "message/m/2.json": "[2]", "notes.txt": "",
                    ]
                }
            }
            // The last save is no other, and removes nothing.
            #expect(try await fixture.stored()["message/m/1.json"] == "{}")
            #expect(fixture.health.failuresSince == 0)
        }
    }

    @Test("What changed just before the end is saved")
    func flush() async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("a", "1")
            try await fixture.watching {
                try await eventually("the first save") { fixture.health.saves > 0 }
                try fixture.write("a", "2")
                try fixture.write("b/c", "2")
            }
            #expect(try await fixture.stored() == ["a": "2", "b/c": "2"])
        }
    }

    @Test("The store's state is brought here first, unless that is not wanted", arguments: [true, false])
    func restores(_ restores: Bool) async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("there", "1", machine: "elsewhere")
            #expect(try await fixture.memory(machine: "elsewhere").push().success)
            try fixture.write("here", "1")
            var options = WatchOptions()
            options.restores = restores
            try await fixture.watching(options) {
                try await eventually("a save") { try await fixture.stored() == ["here": "1", "there": "1"] }
            }
            #expect(FileManager.default.fileExists(atPath: "\(fixture.storage)/there") == restores)
        }
    }

    @Test("A store that fails is reported and tried again; what changed meanwhile is saved after it")
    func outage() async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("a", "1")
            try await fixture.watching {
                try await eventually("the first save") { try await fixture.stored() == ["a": "1"] }
                fixture.store.failing(UnreliableStore.unreachable)
                try fixture.write("a", "2")
                try await eventually("two failures") { fixture.health.failuresSince >= 2 }
                let health = fixture.health
                #expect(health.state == .retrying || health.state == .saving)
                #expect(health.errors.first?.code == .unreachable)
                #expect(health.failuresByReason[.unreachable] ?? 0 >= 2)
                #expect(health.oldestUnsavedChange != nil)
                try fixture.write("b", "2")
                fixture.store.failing(nil)
                try await eventually("the save after it") { try await fixture.stored() == ["a": "2", "b": "2"] }
                try await eventually("health") { fixture.health.failuresSince == 0 }
            }
            #expect(fixture.health.errors.count >= 2)
        }
    }

    @Test("A store that is down at the start keeps nobody back; it is restored from and saved to when it is there")
    func downAtStart() async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("there", "1", machine: "elsewhere")
            #expect(try await fixture.memory(machine: "elsewhere").push().success)
            fixture.store.failing(UnreliableStore.unreachable)
            try fixture.write("here", "1")
            try await fixture.watching {
                try await eventually("failures") { fixture.health.failuresByReason[.unreachable] ?? 0 >= 2 }
                fixture.store.failing(nil)
                try await eventually("a save") { try await fixture.stored() == ["here": "1", "there": "1"] }
                try await eventually("a restore") { FileManager.default.fileExists(atPath: "\(fixture.storage)/there") }
            }
        }
    }

    @Test("An end in an outage says that something is not saved")
    func endsInOutage() async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("a", "1")
            try await fixture.watching {
                try await eventually("the first save") { fixture.health.saves > 0 }
                fixture.store.failing(UnreliableStore.unreachable)
                try fixture.write("a", "2")
            }
            #expect(fixture.health.state == .stopped)
            #expect(fixture.health.failuresSince > 0)
        }
    }

    @Test("An idle memory costs the store nothing")
    func idle() async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("a", "1")
            var options = WatchOptions()
            options.scanInterval = .milliseconds(200)
            try await fixture.watching(options) {
                try await eventually("the first save") { try await fixture.stored() == ["a": "1"] }
                // A file that was written two seconds ago can no longer change unseen: then scans come to rest.
                var last = -1
                try await eventually("rest") {
                    try await ContinuousClock().sleep(for: .milliseconds(1500))
                    defer { last = fixture.store.count }
                    return fixture.store.count == last
                }
            }
        }
    }

    @Test("A large database is saved no more often than its interval allows, and in the end")
    func largeDatabase() async throws {
        try await ServiceFixture.with { fixture in
            try fixture.write("a", "0")
            let database = URL(fileURLWithPath: "\(fixture.folder)/data/opencode.db")
            func run(_ sql: String) throws {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = [
                    "python3", "-c",
                    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2])",
                    database.path, sql,
                ]
                try process.run()
                process.waitUntilExit()
                try #require(process.terminationStatus == 0)
            }
            func size() async throws -> Int {
                _ = try await fixture.stored()
                let copy = try Data(contentsOf: URL(fileURLWithPath: "\(fixture.folder)/look/opencode.db"))
                return copy.count
            }
            try run("CREATE TABLE t (x TEXT PRIMARY KEY); INSERT INTO t VALUES ('one')")
            var options = WatchOptions()
            options.largeDatabase = 1
            options.largeDatabaseInterval = .seconds(600)
            var first = 0
            try await fixture.watching(options) {
                try await eventually("the first save") { fixture.health.snapshotsSaved == 1 }
                first = try await size()
                try run("CREATE TABLE u (x TEXT PRIMARY KEY)")
                try fixture.write("a", "1")
                try await eventually("the file") { try await fixture.stored() == ["a": "1"] }
                #expect(try await size() == first)
                #expect(fixture.health.databaseBytes > 0)
            }
            let last = try await size()
            #expect(last > first)
        }
    }
}
