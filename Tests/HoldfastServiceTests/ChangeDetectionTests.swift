import AgentFiles
import FileIO
import Foundation
import Glibc
import NIOCore
import TestSupport
import Testing

@testable import HoldfastService

@Suite("What the system tells of changes")
struct ChangeDetectionTests {
    private func with(_ body: (String, inout WatchTable, Inotify) throws -> Void) async throws {
        try await withTemporaryDirectory("changes") { folder in
            let storage = "\(folder.path)/storage"
            try FileManager.default.createDirectory(
                atPath: "\(storage)/message/a", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: "\(storage)/log", withIntermediateDirectories: true)
            let queue = try Inotify()
            var table = WatchTable(
                WatchedPlaces(storage: storage, database: nil, exclusions: Exclusions()), queue)
            table.rebuild()
            try body(storage, &table, queue)
        }
    }

    private func changes(_ table: inout WatchTable, _ queue: Inotify) throws -> Set<String> {
        var found: Set<String> = []
        // Directories that are watched only now may have more to tell.
        while queue.wait(milliseconds: 0) {
            found.formUnion(table.take(try queue.read()).map { String(decoding: $0, as: UTF8.self) })
        }
        return found
    }

    private func touch(_ path: String, _ text: String = "x") throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test("A file that is written, renamed or removed is told, by its path")
    func files() async throws {
        try await with { storage, table, queue in
            try touch("\(storage)/message/a/1")
            #expect(try changes(&table, queue) == ["message/a/1"])
            rename("\(storage)/message/a/1", "\(storage)/message/2")
            #expect(try changes(&table, queue) == ["message/a/1", "message/2"])
            unlink("\(storage)/message/2")
            #expect(try changes(&table, queue) == ["message/2"])
        }
    }

    @Test(
        "What is never stored is not told",
        arguments: ["log/1", "message/a/part.tmp", "auth.json", "message/x.db-shm"])
    func excluded(_ path: String) async throws {
        try await with { storage, table, queue in
            try touch("\(storage)/\(path)")
            #expect(try changes(&table, queue) == [])
        }
    }

    @Test("Files in new and in moved directories are told, those in directories that moved away are not")
    func directories() async throws {
        try await with { storage, table, queue in
            let folder = URL(fileURLWithPath: storage).deletingLastPathComponent().path
            try FileManager.default.createDirectory(atPath: "\(storage)/new/deep/er", withIntermediateDirectories: true)
            #expect(try changes(&table, queue).contains("new"))
            try touch("\(storage)/new/deep/er/1")
            #expect(try changes(&table, queue) == ["new/deep/er/1"])
            rename("\(storage)/new", "\(storage)/other")
            _ = try changes(&table, queue)
            try touch("\(storage)/other/deep/er/2")
            #expect(try changes(&table, queue) == ["other/deep/er/2"])
            rename("\(storage)/other", "\(folder)/away")
            #expect(try changes(&table, queue) == ["other"])
            try touch("\(folder)/away/deep/er/3")
            #expect(try changes(&table, queue) == [])
        }
    }

    @Test(
        "A database beside the storage directory is told by its file and its log",
        arguments: [
            ("opencode.db", true), ("opencode.db-wal", true), ("opencode-dev.db-journal", true),
            ("opencode.db-shm", false), ("auth.json", false), ("other.db", false),
        ])
    func databases(_ name: String, isTold: Bool) async throws {
        try await with { storage, table, queue in
            let folder = URL(fileURLWithPath: storage).deletingLastPathComponent().path
            try touch("\(folder)/\(name)")
            #expect(try changes(&table, queue).isEmpty == !isTold)
        }
    }

    @Test("A named database is told wherever it is")
    func namedDatabase() async throws {
        try await withTemporaryDirectory("changes") { folder in
            for name in ["data/storage", "elsewhere"] {
                try FileManager.default.createDirectory(
                    at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
            }
            let queue = try Inotify()
            let database = "\(folder.path)/elsewhere/mine.sqlite"
            var table = WatchTable(
                WatchedPlaces(storage: "\(folder.path)/data/storage", database: database, exclusions: Exclusions()),
                queue)
            table.rebuild()
            try touch(database + "-wal")
            #expect(try changes(&table, queue) == [database])
        }
    }

    @Test("A queue that has overflowed counts as a change, and directories made meanwhile are watched")
    func overflow() async throws {
        try await with { storage, table, queue in
            let limit =
                Int(
                    try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
                        .trimmingCharacters(in: .whitespacesAndNewlines)) ?? 16_384
            for number in 0...limit {
                // Alternating names, since the kernel folds an event that is like the one before.
                let descriptor = open("\(storage)/message/a/\(number % 2)", O_CREAT | O_WRONLY, 0o600)
                close(descriptor)
            }
            try FileManager.default.createDirectory(atPath: "\(storage)/late/er", withIntermediateDirectories: true)
            let events = try queue.read()
            let hasOverflowed = events.contains { $0.isOverflow }
            #expect(hasOverflowed)
            let told = table.take(events)
            #expect(!told.isEmpty)
            _ = try changes(&table, queue)
            try touch("\(storage)/late/er/1")
            #expect(try changes(&table, queue) == ["late/er/1"])
        }
    }

    @Test("A storage directory that goes is looked for until it is back")
    func missing() async throws {
        try await with { storage, table, queue in
            var found = [table.lookAgain()]
            try FileManager.default.removeItem(atPath: storage)
            _ = try changes(&table, queue)
            #expect(table.isStale)
            found += [table.lookAgain(), table.lookAgain()]
            try FileManager.default.createDirectory(atPath: storage, withIntermediateDirectories: true)
            found += [table.lookAgain(), table.lookAgain()]
            #expect(found.dropFirst(2) == [false, true, false])
            #expect(!found[0])
            _ = try changes(&table, queue)
            try touch("\(storage)/1")
            #expect(try changes(&table, queue) == ["1"])
        }
    }

    @Test("An event that is cut off is no event")
    func cutOff() {
        var whole = ByteBuffer()
        whole.writeInteger(Int32(7), endianness: .host)
        whole.writeInteger(UInt32(bitPattern: IN_CREATE), endianness: .host)
        whole.writeInteger(UInt32(0), endianness: .host)
        whole.writeInteger(UInt32(4), endianness: .host)
        whole.writeBytes([97, 98, 0, 0])
        for length in 0..<whole.readableBytes {
            var part = whole.getSlice(at: 0, length: length) ?? ByteBuffer()
            #expect(Inotify.event(&part) == nil)
        }
        #expect(
            Inotify.event(&whole)
                == Inotify.Event(watch: 7, mask: UInt32(bitPattern: IN_CREATE), name: [97, 98]))
    }
}
