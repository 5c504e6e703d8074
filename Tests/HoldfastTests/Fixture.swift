import AgentFiles
import FileIO
import Foundation
import NIOCore
import ObjectStore
import TestSupport

@testable import Holdfast

/// Machines, each with a storage directory, and a store.
struct Fixture: Sendable {
    let folder: String
    let store: any ObjectStore
    let location: MemoryLocation
    let meter: TransferMeter

    static func with(
        _ store: (any ObjectStore)? = nil, prefix: String = "opencode-storage", _ body: (Fixture) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let meter = TransferMeter()
            let location = try MemoryLocation(prefix: prefix, agent: .github, repository: "owner/repo")
            try await body(
                Fixture(
                    folder: directory.path, store: store ?? MemoryObjectStore(meter: meter), location: location,
                    meter: meter))
        }
    }

    /// The memory as one machine sees it: each has a storage directory and a state directory of its own.
    func memory(
        _ machine: String = "a", including globs: [String] = [], store: (any ObjectStore)? = nil,
        keepsMirror: Bool = true
    ) -> Memory {
        Memory(
            store: store ?? self.store, location: location,
            options: Memory.Options(
                storage: storage(machine), exclusions: Exclusions(including: globs.compactMap { Glob($0) }),
                concurrency: 8, stateDirectory: "\(folder)/\(machine)/state", keepsMirror: keepsMirror, writer: machine),
            meter: meter, logger: .silent)
    }

    func storage(_ machine: String = "a") -> String { "\(folder)/\(machine)/storage" }

    /// Writes files below a machine's storage directory.
    func write(_ files: [String: String], on machine: String = "a") throws {
        for (path, text) in files {
            let url = URL(fileURLWithPath: "\(storage(machine))/\(path)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
    }

    func remove(_ path: String, on machine: String = "a") throws {
        try FileManager.default.removeItem(atPath: "\(storage(machine))/\(path)")
    }

    /// All files of a machine, hidden ones and leftovers included.
    func files(_ machine: String = "a") throws -> [String: String] {
        var found: [String: String] = [:]
        let root = storage(machine)
        for path in FileManager.default.enumerator(atPath: root)?.compactMap({ $0 as? String }) ?? [] {
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isDirectory) else { continue }
            if isDirectory.boolValue { continue }
            found[path] = String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path)")), as: UTF8.self)
        }
        return found
    }

    func put(_ name: String, _ text: String) async throws {
        try await store.put(ObjectKey(location.mirrorPrefix + name), .bytes(ByteBuffer(string: text)), .overwrite)
    }

    func stored() async throws -> [String] {
        try await store.list(prefix: location.mirrorPrefix).collect()
            .map { String($0.key.text.dropFirst(location.mirrorPrefix.count)) }
    }
}
