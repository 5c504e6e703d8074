import FileIO
import Repository

/// When blobs are packed anew, so that a restore needs few requests after many small saves.
enum Compaction {
    /// So many small packs may a snapshot need.
    static let mostSmallPacks = 8
    /// A pack is small while a snapshot needs fewer bytes of it.
    static let smallPack: Int64 = 4 << 20

    /// The packs whose blobs the next save writes anew; none while there are few.
    static func packs(of newest: Newest) -> Set<Digest> {
        var small: Set<Digest> = []
        for manifest in newest.manifests {
            for use in manifest.packUses where use.used < smallPack { small.insert(use.pack) }
        }
        return small.count > mostSmallPacks ? small : []
    }
}
