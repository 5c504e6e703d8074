import Agents
import FileIO
import NIOCore
import Repository

/// What sessions are called: the `title` in the JSON of each.
enum SessionTitles {
    /// Sessions of one page whose titles are read.
    private static let most = 60

    /// The title in a file's content.
    static func title(of content: ByteBuffer) -> String? {
        AgentSession(json: content, id: "any", project: nil)?.title
    }

    /// The titles of files of a directory of sessions. One that cannot be read has none.
    static func read(
        _ entries: [Entry], in directory: RelativePath?, _ reader: SnapshotReader
    ) async -> [RelativePath: String] {
        let sessions = AgentProfile.opencode.files.sessions
        guard directory?.components.first?.elementsEqual(sessions.utf8) == true else { return [:] }
        var titles: [RelativePath: String] = [:]
        for entry in entries.prefix(most) where entry.size <= AgentSession.maxFile {
            guard let content = try? await reader.content(of: entry) else { break }
            titles[entry.path] = title(of: content)
        }
        return titles
    }
}
