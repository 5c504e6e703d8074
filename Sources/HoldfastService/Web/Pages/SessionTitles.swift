import FileIO
import FoundationEssentials
import NIOCore
import Repository

/// What sessions are called: the `title` in the JSON of each.
enum SessionTitles {
    private struct Session: Decodable { let title: String }

    /// Sessions of one page whose titles are read.
    private static let most = 60
    /// A session's own file is small; what is larger is something else.
    private static let largest: Int64 = 64 << 10
    private static let longestTitle = 200

    /// The title in a file's content.
    static func title(of content: ByteBuffer) -> String? {
        guard content.readableBytes <= largest,
            let session = try? JSONDecoder().decode(Session.self, from: Data(content.readableBytesView)),
            !session.title.isEmpty
        else { return nil }
        return String(session.title.prefix(longestTitle))
    }

    /// The titles of files of a directory of sessions. One that cannot be read has none.
    static func read(
        _ entries: [Entry], in directory: RelativePath?, _ reader: SnapshotReader
    ) async -> [RelativePath: String] {
        guard directory?.components.first?.elementsEqual("session".utf8) == true else { return [:] }
        var titles: [RelativePath: String] = [:]
        for entry in entries.prefix(most) where entry.size <= largest {
            guard let content = try? await reader.content(of: entry) else { break }
            titles[entry.path] = title(of: content)
        }
        return titles
    }
}
