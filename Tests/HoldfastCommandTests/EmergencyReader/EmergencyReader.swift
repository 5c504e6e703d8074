import Foundation
import TestSupport
import Testing

/// `reader/holdfast-reader.py`, run by the Python of the test environment in a sandbox.
struct EmergencyReader {
    let sandbox: Sandbox
    /// Directory or `s3://` URL of the memory.
    let memory: String

    init(_ sandbox: Sandbox) {
        self.sandbox = sandbox
        let place = String(sandbox.mirrorPrefix.dropLast("/storage/".count))
        memory =
            if let store = sandbox.environment["HOLDFAST_STORE"], store.hasPrefix("s3://") {
                "\(store)/\(place)"
            } else {
                sandbox.path("home/.local/share/holdfast/store/\(place)")
            }
    }

    init(_ sandbox: Sandbox, memory: String) { (self.sandbox, self.memory) = (sandbox, memory) }

    private static var python: String { Project.folder.appendingPathComponent(".venv/bin/python").path }
    private static var script: String { Project.folder.appendingPathComponent("reader/holdfast-reader.py").path }

    func run(_ command: String, _ options: String...) async throws -> Finished {
        try await sandbox.program(Self.python, [Self.script, command, memory] + options)
    }

    /// Restores a snapshot into a new directory of the sandbox.
    /// - Returns: its files by path.
    func restore(_ snapshot: String? = nil, to name: String) async throws -> [String: Data] {
        let at = snapshot.map { ["--at", $0] } ?? []
        let run = try await sandbox.program(
            Self.python, [Self.script, "restore", memory, "--to", sandbox.path(name)] + at)
        try #require(run.code == 0, "\(run.out) \(run.err)")
        return try sandbox.tree(name).compactMapValues { $0 }
    }
}

/// Permissions and modification time of each file below a directory.
struct FileTimes: Equatable, CustomStringConvertible {
    let mode: Int
    let modified: Date

    var description: String { "\(String(mode, radix: 8)) \(modified.timeIntervalSince1970)" }

    static func below(_ directory: String) throws -> [String: FileTimes] {
        var found: [String: FileTimes] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: directory) {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(path)")
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            found[path] = FileTimes(
                mode: try #require(attributes[.posixPermissions] as? Int),
                modified: try #require(attributes[.modificationDate] as? Date))
        }
        return found
    }
}
