import FileIO
import NIOConcurrencyHelpers
import ObjectStore

extension Verification {
    /// Finds the files, and by them the snapshots, that need what is hurt. Only what may name some is read again.
    func findHurtFiles() async throws {
        let hurt = state.withLockedValue { $0.hurt }
        guard !hurt.isEmpty else { return }
        let hurtLists = try await hurtChunkLists(hurt)
        let (suspects, holders) = state.withLockedValue { state in
            let packs = Set(hurt.keys.compactMap { state.packIndex[$0] })
            let suspects = state.pages.enumerated().filter { _, page in
                page.content.map { !packs.isDisjoint(with: $0.packs) } ?? false
            }.map { (index: $0.offset, blob: $0.element.blob) }
            return (suspects, state.snapshotsOfPages())
        }
        try await read(suspects, blob: \.blob) { [self] page, bytes in
            // It could be read before. If not now, that is another matter than what is looked for.
            guard let bytes = try? bytes.get(), let entries = try? Self.entries(bytes, of: page.blob, repository) else {
                return
            }
            var hit: [Digest: [RelativePath]] = [:]
            for entry in entries {
                for pack in Self.hurtPacks(of: entry, hurt, hurtLists) { hit[pack, default: []].append(entry.path) }
            }
            state.withLockedValue { state in
                for (pack, paths) in hit {
                    let key = repository.key(ofPack: pack)
                    state.findings[key]?.paths.formUnion(paths)
                    state.findings[key]?.snapshots.formUnion(holders[page.index] ?? [])
                }
            }
        }
    }

    /// For each chunk list, the packs in which chunks of it are hurt.
    private func hurtChunkLists(_ hurt: [Digest: Hurt]) async throws -> [BlobReference: Set<Digest>] {
        let files = state.withLockedValue { $0.largeFiles }.filter { $0.packs.contains { hurt[$0] != nil } }
        let found = NIOLockedValueBox<[BlobReference: Set<Digest>]>([:])
        try await read(Array(Set(files.flatMap(\.lists))), blob: \.self) { list, bytes in
            // One that cannot be read is hurt itself.
            guard let bytes = try? bytes.get(), let chunks = try? ChunkList.decode(bytes, in: list.frame.pack) else {
                return
            }
            let packs = Set(chunks.filter { Self.isHurt($0, hurt) }.map(\.frame.pack))
            found.withLockedValue { $0[list] = packs }
        }
        return found.withLockedValue { $0 }
    }

    private static func isHurt(_ blob: BlobReference, _ hurt: [Digest: Hurt]) -> Bool {
        switch hurt[blob.frame.pack] {
        case .all: true
        case .blobs(let blobs): blobs.contains(blob)
        case nil: false
        }
    }

    private static func hurtPacks(
        of entry: Entry, _ hurt: [Digest: Hurt], _ lists: [BlobReference: Set<Digest>]
    ) -> Set<Digest> {
        var packs = Set(entry.references.filter { isHurt($0, hurt) }.map(\.frame.pack))
        if case .chunkLists(let blobs, _) = entry.content { for list in blobs { packs.formUnion(lists[list] ?? []) } }
        return packs
    }
}
