import AgentFiles
import Basics
import Crypto
import FileIO
import FoundationEssentials
import NIOCore
import ObjectStore

/// A small agent state as OpenCode lays it out: project, sessions, messages, parts. The same each time.
struct DemoState: Sendable {
    let sessions: Int
    private static let project = "4f1c2b7a9d"

    /// Writes the state as it is before the last turn.
    func write(to storage: String) async throws {
        var files = ["project/\(Self.project).json": #"{"id":"\#(Self.project)","worktree":"/workspace/website"}"#]
        for session in 0..<sessions {
            files["session/\(Self.project)/\(id("ses", session)).json"] =
                #"{"id":"\#(id("ses", session))","title":"Session \#(session): naïve café ☕"}"#
            for message in 0..<4 { addMessage(message, of: session, to: &files) }
        }
        try await save(files, storage)
    }

    /// Adds what one more turn of the agent leaves behind.
    func addTurn(_ number: Int = 1, to storage: String) async throws {
        var files: [String: String] = [:]
        addMessage(3 + number, of: sessions - 1, to: &files)
        try await save(files, storage)
    }

    /// Adds a session that another run began.
    func addSession(to storage: String) async throws {
        var files = [
            "session/\(Self.project)/\(id("ses", sessions)).json":
                #"{"id":"\#(id("ses", sessions))","title":"Another run"}"#
        ]
        addMessage(0, of: sessions, to: &files)
        try await save(files, storage)
    }

    private func addMessage(_ message: Int, of session: Int, to files: inout [String: String]) {
        let (owner, name) = (id("ses", session), id("msg", session * 100 + message))
        files["message/\(owner)/\(name).json"] =
            #"{"id":"\#(name)","sessionID":"\#(owner)","role":"\#(message.isMultiple(of: 2) ? "user" : "assistant")"}"#
        for part in 0..<3 {
            let text = String(repeating: "step \(session).\(message).\(part) of the transcript. ", count: 8 + 20 * part)
            files["part/\(name)/\(id("prt", (session * 100 + message) * 10 + part)).json"] =
                #"{"messageID":"\#(name)","type":"text","text":"\#(text)"}"#
        }
    }

    private func id(_ kind: String, _ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "\(kind)_" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }

    private func save(_ files: [String: String], _ storage: String) async throws {
        try await FileIO.run {
            let tree = try StagedTree.open(storage)
            do {
                for (path, text) in files {
                    guard let path = RelativePath(path) else { continue }
                    try tree.writeFile(path, ByteBuffer(string: text))
                }
                try tree.commit()
            } catch {
                tree.abandon()
                throw error
            }
        }
    }
}

/// Names and contents of a directory, in one hash.
struct TreeDigest: Sendable, Equatable, CustomStringConvertible {
    let files: Int
    let bytes: Int64
    let hash: String

    var description: String { "\(Figures.count(files, "file")), \(Figures.bytes(bytes))" }

    static func of(_ storage: String) async throws -> TreeDigest {
        let scan = try await StorageScan.scan(storage, exclusions: .onlyNeverStored)
        return try await FileIO.run {
            let root = try File.open(storage, [.read, .directory])
            var hash = SHA256()
            for file in scan.files {
                hash.update(data: file.path.bytes + [0])
                hash.update(data: try File.open(file.path.components, beneath: root, .read).bytes())
            }
            return TreeDigest(files: scan.files.count, bytes: scan.totalBytes, hash: Hexadecimal.text(hash.finalize()))
        }
    }
}
