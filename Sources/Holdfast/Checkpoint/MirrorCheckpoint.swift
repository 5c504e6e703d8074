import AgentFiles
import FileIO
import FoundationEssentials
import Logging
import NIOCore
import ObjectStore

/// Files that were the same here and in the mirror view when it was pulled last: an index, and the tags that the objects
/// had.
///
/// With it a pull can tell a file that changed here from one that changed there, and recognises what is stored where the
/// store's tags say nothing of the content: an object whose tag is still the one of then holds the content of then. Losing
/// it costs time and a question, never data.
struct MirrorCheckpoint: Sendable {
    let index: FileIndex
    private let tags: [RelativePath: String]

    /// - Parameter tags: of the objects, as far as the store sent any.
    init(_ scope: String, _ entries: [FileIndex.Entry], tags: [RelativePath: String], takenAt: Int64) throws {
        let sorted = FileIndex(scope: scope, base: [], takenAt: takenAt, entries: entries)
        // In the order of the entries: texts that differ in their bytes alone would be one key.
        let list = try JSONEncoder().encode(sorted.entries.map { tags[$0.path] })
        index = FileIndex(scope: scope, base: Array(list), takenAt: takenAt, entries: sorted.entries)
        self.tags = tags
    }

    fileprivate init?(_ index: FileIndex) {
        guard let list = try? JSONDecoder().decode([String?].self, from: Data(index.base)),
            list.count == index.entries.count
        else { return nil }
        self.index = index
        tags = Dictionary(zip(index.entries, list).compactMap { entry, tag in tag.map { (entry.path, $0) } }) { $1 }
    }

    func tag(of path: RelativePath) -> String? { tags[path] }

    /// Digest of an object whose tag did not change.
    func digest(of path: RelativePath, tag: ETag?) -> Digest? {
        guard let tag, tags[path] == tag.text else { return nil }
        return index.entry(path)?.sha256
    }
}

extension Workspace {
    private var mirrorScope: String { [checkpointStore, location.key, storage].joined(separator: "\0") }
    private var mirrorPath: String? {
        stateDirectory.map {
            "\($0)/\(Digest(of: ByteBuffer(string: mirrorScope)).hexadecimal.prefix(32)).mirror"
        }
    }

    /// Checkpoint of the mirror view; `nil` if nothing usable is remembered.
    func mirrorCheckpoint() async -> MirrorCheckpoint? {
        guard let path = mirrorPath else { return nil }
        let scope = mirrorScope
        return try? await FileIO.run { FileIndex.read(path: path, scope: scope).flatMap { MirrorCheckpoint($0) } }
    }

    /// Remembers what is the same here and in the mirror view.
    func remember(mirror entries: [FileIndex.Entry], tags: [RelativePath: String], takenAt: Int64) async {
        guard let path = mirrorPath else { return }
        do {
            let checkpoint = try MirrorCheckpoint(mirrorScope, entries, tags: tags, takenAt: takenAt)
            try await FileIO.run { try checkpoint.index.write(to: path) }
        } catch {
            // Losing this costs a question on the next pull, no data.
            logger.warning("Could not remember what was synchronised", metadata: ["error": "\(error)"])
        }
    }
}
