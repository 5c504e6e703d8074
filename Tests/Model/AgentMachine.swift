import Foundation
import Glibc
import Subprocess
import TestSupport

/// A machine with a home of its own, on which an agent keeps files and a database.
struct AgentMachine: Sendable {
    let number: Int
    let agent: String
    /// The folder that holds all of the machine.
    let folder: URL
    /// The settings of the store.
    var store: [String: String]
    let binary: String
    /// What the command is run by; nothing if by itself.
    let runner: [String]
    /// How many seconds its clock is ahead.
    var clock = 0

    private var data: URL { folder.appendingPathComponent("data/opencode") }
    var storage: URL { data.appendingPathComponent("storage") }
    var database: String { data.path + "/opencode.db" }
    var hasDatabase: Bool { FileManager.default.fileExists(atPath: database) }

    /// Makes the folders that every user has.
    func setUp() throws {
        for name in ["home", "tmp", "work"] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
        }
        try FileManager.default.createDirectory(at: storage, withIntermediateDirectories: true)
    }

    /// Removes the machine with all that was on it.
    func lose() throws { try FileManager.default.removeItem(at: folder) }

    /// Removes what Holdfast remembers.
    func forget() throws {
        let state = folder.appendingPathComponent("state")
        if FileManager.default.fileExists(atPath: state.path) { try FileManager.default.removeItem(at: state) }
    }

    // MARK: Running

    private var environment: [String: String] {
        let own = [
            "HOME": folder.path + "/home", "TMPDIR": folder.path + "/tmp", "PATH": "/usr/bin:/bin",
            "XDG_DATA_HOME": folder.path + "/data", "XDG_STATE_HOME": folder.path + "/state",
            "XDG_CONFIG_HOME": folder.path + "/config", "XDG_CACHE_HOME": folder.path + "/cache",
            "HOLDFAST_AGENT": agent, "HOLDFAST_REPO": "owner/repo", "GIT_CONFIG_NOSYSTEM": "1",
            "AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1",
        ]
        let wrong = ["LD_PRELOAD": Self.wrongClock, "WRONG_CLOCK_SECONDS": "\(clock)"]
        return own.merging(store) { $1 }.merging(clock == 0 ? [:] : wrong) { $1 }
    }

    /// The library that makes the clock of a command wrong; it is built beside this program.
    private static let wrongClock: String = {
        let folder = Bundle.main.executableURL?.deletingLastPathComponent().path ?? "."
        let library = folder + "/libWrongClock.so"
        // The loader would only warn.
        precondition(
            FileManager.default.fileExists(atPath: library), "\(library) is not there; build it with swift build")
        return library
    }()

    private var work: String { folder.path + "/work" }

    func run(_ arguments: [String]) async throws -> Finished {
        // Nothing takes that long; what does hangs.
        try await Finished.run(
            "timeout", ["--foreground", "--signal=KILL", "120"] + runner + [binary] + arguments, in: work,
            environment: environment)
    }

    /// Runs the command, and sends it SIGKILL after a time if it is still there.
    func run(_ arguments: [String], killedAfter time: Duration) async throws -> Finished {
        let (seconds, attoseconds) = time.components
        let fraction = String(attoseconds / 1_000_000_000_000 + 1_000_000).dropFirst()
        return try await Finished.run(
            "timeout",
            ["--foreground", "--preserve-status", "--signal=KILL", "\(seconds).\(fraction)"]
                + runner + [binary] + arguments,
            in: work, environment: environment)
    }

    /// Runs `watch`, and ends it after the body, which starts when what the store has is here.
    func watch(_ options: [String], _ body: @escaping () async throws -> Void) async throws -> Finished {
        let ready = try ReadySocket(folder.path + "/tmp/ready")
        var environment = environment
        environment["NOTIFY_SOCKET"] = ready.path
        let words = runner + [binary, "watch", "--json"] + options
        return try await Finished.run(
            words[0], Array(words.dropFirst()), in: work, environment: environment
        ) { send in
            do {
                try await eventually("watch is ready") { ready.isReady() }
                try await body()
            } catch {
                try? send(.kill)
                throw error
            }
            try send(.terminate)
        }
    }

    // MARK: What is here

    /// The files of the storage directory and the rows of the database.
    struct Live: Equatable {
        var contents: Contents = [:]
        /// Rows that only an older version of the agent would show.
        var hidden: Contents = [:]
        var schema: Schema?
        var defects: [AgentDatabase.Defect] = []
        var files: Int { contents.keys.count(where: \.isFile) }
    }

    func live() throws -> Live {
        var live = Live()
        // That one Holdfast writes itself.
        for path in try Self.files(below: storage) where path != ".version" {
            let content = try String(decoding: Data(contentsOf: storage.appendingPathComponent(path)), as: UTF8.self)
            live.contents[.file(path)] = content
        }
        guard hasDatabase else { return live }
        let rows = try rows()
        live.contents.merge(rows.shown) { $1 }
        (live.hidden, live.schema, live.defects) = (rows.hidden, rows.schema, rows.defects)
        return live
    }

    /// Reads a copy of the database: even a reader may bring its log into it.
    func rows() throws -> AgentDatabase.Rows {
        let copy = folder.appendingPathComponent("copy")
        try? FileManager.default.removeItem(at: copy)
        try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: copy) }
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: database + suffix) {
            try FileManager.default.copyItem(atPath: database + suffix, toPath: copy.path + "/copy.db" + suffix)
        }
        return try AgentDatabase.read(copy.path + "/copy.db")
    }

    /// The texts of everything on this machine that is not live: what Holdfast keeps beside.
    func keptBeside() throws -> [String] {
        let own = Set(["", "-wal", "-shm"].map { database + $0 })
        return try Self.files(below: folder).compactMap { path in
            let file = folder.path + "/" + path
            guard !own.contains(file), !file.hasPrefix(storage.path + "/"), !path.hasPrefix("state/") else {
                return nil
            }
            return try String(decoding: Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
        }
    }

    /// The regular files below a folder, by their paths in it.
    static func files(below folder: URL) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { path in
            var isDirectory: ObjCBool = false
            let exists = FileManager.default.fileExists(
                atPath: folder.path + "/" + path, isDirectory: &isDirectory)
            return exists && !isDirectory.boolValue
        }
    }

    func write(_ path: String, _ content: String, time: Int) throws {
        let file = storage.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: file)
        if time != 0 || clock != 0 { try touch(path, time: time) }
    }

    /// Gives a file a time so many seconds from now, by the clock of the machine.
    func touch(_ path: String, time: Int) throws {
        try Self.setTime(of: storage.appendingPathComponent(path).path, fromNow: time + clock)
    }

    /// Works on the database, which gets the time that it has by the clock of the machine.
    func withDatabase(schema: Schema, _ work: (AgentDatabase) throws -> Void) throws {
        try work(AgentDatabase(database, schema: schema))
        guard clock != 0 else { return }
        for file in [database, database + "-wal"] where FileManager.default.fileExists(atPath: file) {
            try Self.setTime(of: file, fromNow: clock)
        }
    }

    private static func setTime(of file: String, fromNow seconds: Int) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: Double(seconds))], ofItemAtPath: file)
    }

    func remove(_ path: String) throws {
        try FileManager.default.removeItem(at: storage.appendingPathComponent(path))
    }
}

/// Hears `READY=1` as systemd would.
final class ReadySocket: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        unlink(path)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw POSIXError(.ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// Whether a message that has arrived by now says so.
    func isReady() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return false }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            if text.split(separator: "\n").contains("READY=1") { return true }
        }
    }
}
