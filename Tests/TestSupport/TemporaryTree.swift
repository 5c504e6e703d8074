import FileIO
import Foundation
import NIOCore
import Testing

/// A directory that is removed with the last reference to it.
public final class TemporaryTree: Sendable {
    public let path: String

    public init() throws {
        path = FileManager.default.temporaryDirectory.path + "/holdfast-tree-\(UUID().uuidString)"
        try makeDirectories(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file by the bytes of its name, with the directories above it.
    public func write(_ name: some Collection<UInt8>, _ content: String = "x") throws {
        var directory = try File.open(path, [.read, .directory])
        let names = name.split(separator: UInt8(ascii: "/"))
        for name in names.dropLast() {
            try directory.makeDirectory(name)
            directory = try File.open(name, in: directory, [.read, .directory])
        }
        let file = try File.open(#require(names.last), in: directory, [.write, .create])
        try file.truncate(to: 0)
        try file.write(ByteBuffer(string: content), at: 0)
    }

    public func write(_ name: String, _ content: String = "x") throws { try write(Array(name.utf8), content) }

    public func read(_ name: String) throws -> String {
        try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }

    public func exists(_ name: String) -> Bool { (try? FileStatus.at("\(path)/\(name)")) != nil }

    public func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
    }

    /// The names at the top, printable.
    public func names() throws -> [String] {
        try File.open(path, [.read, .directory]).entries().map { printable($0.name) }
    }

    /// Every file with its content, to see that nothing changed.
    public func contents() throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: path).sorted() {
            found[name] = (try? read(name)) ?? "-"
        }
        return found
    }
}
