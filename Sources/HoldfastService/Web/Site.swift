import Basics
import FoundationEssentials
import HTTPTypes
import Repository

/// A memory that the page shows: its health by the board, its snapshots by a reader.
struct ShownMemory: Sendable {
    let id: String
    let reader: SnapshotReader
}

/// What all pages have in common.
struct Site: Sendable {
    let board: HealthBoard
    let memories: [ShownMemory]
    let version: String
    /// Takes credentials out of what others say.
    let redact: @Sendable (String) -> String
    let now: @Sendable () -> Date

    /// - Throws: ``PageError`` if no memory has this id.
    func memory(_ id: String) throws(PageError) -> (health: MemoryHealth, reader: SnapshotReader) {
        guard let health = board[id], let shown = memories.first(where: { $0.id == id }) else {
            throw PageError(.notFound, "No memory of this process is called “\(id)”.", "The overview names them all.")
        }
        return (health, shown.reader)
    }
}

/// The addresses of pages.
enum Links {
    static func memory(_ id: String) -> String { "/memory/\(PercentEncoding.encode(id.utf8, keepingSlashes: true))" }

    static func diff(_ id: String, from: Snapshot, to: Snapshot, path: [UInt8]? = nil) -> String {
        let of = path.map { "&path=\(PercentEncoding.encode($0, keepingSlashes: true))" } ?? ""
        return "\(memory(id))/diff?from=\(from.shortID)&to=\(to.shortID)\(of)"
    }

    /// - Parameter path: a file or a directory; the storage directory if empty.
    static func files(_ id: String, at snapshot: Snapshot, _ path: some Sequence<UInt8> = []) -> String {
        "\(memory(id))/files/\(PercentEncoding.encode(path, keepingSlashes: true))?at=\(snapshot.shortID)"
    }
}
