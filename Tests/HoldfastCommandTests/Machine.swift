import Foundation
import Subprocess
import TestSupport
import Testing

/// One of several machines that share the memory of a sandbox: a storage directory and a local state of its own.
struct Machine: Sendable {
    let name: String
    /// The sandbox as this machine sees it.
    let sandbox: Sandbox

    init(_ name: String, in sandbox: Sandbox) {
        self.name = name
        var own = sandbox
        own.environment["HOLDFAST_STORAGE"] = sandbox.path("machines/\(name)/storage")
        own.environment["XDG_STATE_HOME"] = sandbox.path("machines/\(name)/state")
        // Many processes on few cores make a server slow; that is not what is tested with machines.
        own.environment["AWS_MAX_ATTEMPTS"] = "6"

        self.sandbox = own
    }

    var storage: String { "machines/\(name)/storage" }

    /// Removes the machine with all that it knew.
    func remove() throws { try sandbox.remove("machines/\(name)") }

    // MARK: Running

    func run(_ arguments: String...) async throws -> Finished {
        try await sandbox.program(Sandbox.binary, arguments)
    }

    /// Runs the command, and sends it SIGKILL after a time if it is still there.
    ///
    /// Returns only when the process is gone. Its exit code is ``killed`` if it was the signal that ended it.
    func run(_ arguments: String..., killedAfter time: Duration) async throws -> Finished {
        let (seconds, attoseconds) = time.components
        let fraction = String(attoseconds / 1_000_000_000_000 + 1_000_000).dropFirst()
        return try await sandbox.program(
            "timeout",
            ["--foreground", "--preserve-status", "--signal=KILL", "\(seconds).\(fraction)", Sandbox.binary] + arguments
        )
    }

    static let killed: Int32 = 128 + 9

    // MARK: Files

    /// What the storage directory holds.
    func files() throws -> [String: Data] { try sandbox.tree(storage).compactMapValues { $0 } }

    func write(_ path: String, _ content: Data, modified: Date? = nil) throws {
        try sandbox.write("\(storage)/\(path)", content)
        guard let modified else { return }
        try FileManager.default.setAttributes(
            [.modificationDate: modified], ofItemAtPath: sandbox.path("\(storage)/\(path)"))
    }

    func write(_ path: String, _ content: String, modified: Date? = nil) throws {
        try write(path, Data(content.utf8), modified: modified)
    }

    func remove(_ path: String) throws { try sandbox.remove("\(storage)/\(path)") }

    /// Makes the storage directory hold these files and no others, touching only what differs from `present`.
    func replace(_ present: [String: Data], by files: [String: Data]) throws {
        for path in present.keys where files[path] == nil { try remove(path) }
        try removeEmptyDirectories()
        for (path, content) in files where present[path] != content { try write(path, content) }
    }

    private func removeEmptyDirectories() throws {
        let directories = try sandbox.tree(storage).filter { $0.value == nil }.keys
        for directory in directories.sorted(by: { $0.utf8.count > $1.utf8.count }) {
            let path = sandbox.path("\(storage)/\(directory)")
            if try FileManager.default.contentsOfDirectory(atPath: path).isEmpty {
                try FileManager.default.removeItem(atPath: path)
            }
        }
    }
}

/// How two sets of files differ, in a few words for the message of a failure; `nil` if they do not.
func difference(_ actual: [String: Data], _ expected: [String: Data]) -> String? {
    let missing = expected.keys.filter { actual[$0] == nil }
    let surplus = actual.keys.filter { expected[$0] == nil }
    let other = expected.keys.filter { actual[$0] != nil && actual[$0] != expected[$0] }
    let parts = [("missing", missing), ("too many", surplus), ("other content", other)].filter { !$0.1.isEmpty }
    guard !parts.isEmpty else { return nil }
    return parts.map { "\($0): \($1.sorted().prefix(5)), \($1.count) in all" }.joined(separator: "; ")
}
