import FileIO
import FoundationEssentials
import NIOCore
import ObjectStore

/// What a prune has seen unused: an object under `prune/`, so that a later prune knows since when.
///
/// The store's time of the object is when the packs were seen; no other clock counts.
struct PruneMark: Codable {
    var format = Self.currentFormat
    /// Digests of packs, in hex.
    let packs: [String]

    /// A mark as the store has it.
    struct Stored {
        let key: ObjectKey
        /// Nanoseconds since 1970, by the store's clock.
        let written: Int64
        let packs: Set<Digest>
    }

    static let currentFormat = 1
    /// The longest mark that is read, in bytes: some hundred thousand packs.
    static let maxLength = 32 << 20
}

extension Repository {
    var prunePrefix: String { "\(memory)/prune/" }

    func writeMark(_ packs: Set<Digest>) async throws -> ObjectKey {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let mark = PruneMark(packs: packs.sorted().map(\.hexadecimal))
        let key = ObjectKey("\(prunePrefix)\(environment.nonce())")
        try await store.put(key, .bytes(ByteBuffer(bytes: try encoder.encode(mark))), .overwrite)
        return key
    }

    /// All marks, the oldest first. One that cannot be read counts as one that has seen no pack unused: left out, it could
    /// let an older one speak for a pack that was needed in between.
    ///
    /// Where the store does not say when it wrote, there are no marks, so that nothing is ever deleted.
    func marks() async throws -> [PruneMark.Stored] {
        var marks: [PruneMark.Stored] = []
        for object in try await store.list(prefix: prunePrefix).collect() {
            guard let written = object.lastModified else { return [] }
            let content: ObjectContent
            do { content = try await store.get(object.key) } catch {
                // Another prune has removed it.
                if error.kind == .notFound { continue }
                throw error
            }
            let packs: Set<Digest>
            do { packs = Self.packs(markedBy: try await content.collect(upTo: PruneMark.maxLength)) } catch {
                guard error.kind == .tooLarge else { throw error }
                packs = []
            }
            marks.append(PruneMark.Stored(key: object.key, written: written, packs: packs))
        }
        return marks.sorted { ($0.written, $0.key) < ($1.written, $1.key) }
    }

    private static func packs(markedBy bytes: ByteBuffer) -> Set<Digest> {
        guard let mark = try? JSONDecoder().decode(PruneMark.self, from: Data(bytes.readableBytesView)),
            mark.format == PruneMark.currentFormat
        else { return [] }
        return Set(mark.packs.compactMap { Digest(hex: $0) })
    }
}
