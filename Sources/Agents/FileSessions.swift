import FileIO
import FoundationEssentials
import NIOCore

/// Reads the sessions of the JSON era from a storage directory.
struct FileSessions {
    private let reader: SessionReader
    private let cancellation: Cancellation
    private var isComplete = true

    init(_ reader: SessionReader, _ cancellation: Cancellation) {
        (self.reader, self.cancellation) = (reader, cancellation)
    }

    mutating func list(_ storage: String) throws -> SessionList {
        let files = reader.profile.files
        guard let root = try Self.directory(Array(storage.utf8), in: nil),
            let top = try Self.directory(Array(files.sessions.utf8), in: root)
        else { return SessionList([], isComplete: true, hasSessionStore: false) }
        let messages = try Self.directory(Array(files.messages.utf8), in: root)
        var sessions: [AgentSession] = []
        for project in try top.entries() where project.kind == .directory {
            guard let directory = try Self.directory(project.name, in: top) else { continue }
            for entry in try directory.entries() where entry.kind == .regular && entry.name.suffix(5) == Self.json {
                try cancellation.check()
                guard sessions.count < reader.maxSessions else {
                    isComplete = false
                    break
                }
                let id = Array(entry.name.dropLast(5))
                let count = try count(of: id, in: messages)
                if let session = session(entry.name, in: directory, id: id, project: project.name, messages: count) {
                    sessions.append(session)
                } else {
                    isComplete = false
                }
            }
        }
        return SessionList(sessions, isComplete: isComplete, hasSessionStore: true)
    }

    private static let json = ArraySlice(".json".utf8)

    /// - Returns: `nil` if there is none.
    private static func directory(_ name: [UInt8], in parent: File?) throws(FileError) -> File? {
        do throws(FileError) {
            // The storage directory itself may be a link.
            return try File.open(
                name, in: parent, parent == nil ? [.read, .directory] : [.read, .directory, .noFollow])
        } catch {
            if error.isNotFound || error.isLink { return nil }
            throw error
        }
    }

    private func count(of id: [UInt8], in messages: File?) throws(FileError) -> Int? {
        guard let messages else { return nil }
        guard let directory = try Self.directory(id, in: messages) else { return 0 }
        return try directory.entries().count { $0.kind == .regular && $0.name.suffix(5) == Self.json }
    }

    /// A session whose file cannot be understood is a session all the same: agents go by the names of the files.
    private mutating func session(
        _ name: [UInt8], in directory: File, id: [UInt8], project: [UInt8], messages: Int?
    ) -> AgentSession? {
        let id = String(decoding: id, as: UTF8.self)
        let project = String(decoding: project, as: UTF8.self)
        var content = ByteBuffer()
        do {
            let file = try File.open(name, in: directory, [.read, .noFollow])
            _ = try file.read(into: &content, count: AgentSession.maxFile + 1, at: 0)
        } catch { isComplete = false }
        return AgentSession(json: content, id: id, project: project, messages: messages)
            ?? AgentSession(
                id: id, title: nil, directory: nil, project: project, created: nil, updated: nil, messages: messages)
    }
}

extension AgentSession {
    /// A session's own file is small; a larger one is something else.
    public static let maxFile = 64 << 10

    /// Reads a session's file of the JSON era.
    /// - Parameters:
    ///   - id: the name of the file, without `.json`.
    ///   - project: the name of the directory that it lies in.
    /// - Returns: `nil` if the content is no JSON object, or too large.
    public init?(json content: ByteBuffer, id: String, project: String?, messages: Int? = nil) {
        guard content.readableBytes <= Self.maxFile,
            let file = try? JSONDecoder().decode(SessionFile.self, from: Data(content.readableBytesView))
        else { return nil }
        self.init(
            id: id, title: file.title, directory: file.directory, project: project, created: file.created,
            updated: file.updated, messages: messages)
    }
}

/// The members of a session's file that a list needs. One of the wrong type is as if it were missing.
private struct SessionFile: Decodable {
    let title: String?
    let directory: String?
    let created: Int64?
    let updated: Int64?

    private enum Keys: CodingKey { case title, directory, time }
    private enum TimeKeys: CodingKey { case created, updated }

    init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: Keys.self)
        title = try? object.decode(String.self, forKey: .title)
        directory = try? object.decode(String.self, forKey: .directory)
        let time = try? object.nestedContainer(keyedBy: TimeKeys.self, forKey: .time)
        created = time.flatMap { Self.number($0, .created) }
        updated = time.flatMap { Self.number($0, .updated) }
    }

    private static func number(_ object: KeyedDecodingContainer<TimeKeys>, _ key: TimeKeys) -> Int64? {
        guard let value = try? object.decode(Double.self, forKey: key) else { return nil }
        return Int64(exactly: value.rounded())
    }
}
