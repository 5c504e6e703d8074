import FileIO
import TestSupport

@testable import Repository

/// Valid documents of any shape, from a seed.
struct Samples {
    private var packs: [Digest] = []

    init(_ random: inout SeededGenerator) {
        packs = [Pack.own] + (0..<3).map { _ in Self.digest(&random) }
    }

    static func digest(_ random: inout SeededGenerator) -> Digest { Digest(bytes: random.bytes(32)) ?? Pack.own }

    private func frame(_ random: inout SeededGenerator) -> FrameLocation {
        FrameLocation(
            pack: packs.randomElement(using: &random) ?? Pack.own, offset: Int.random(in: 21...1 << 24, using: &random),
            storedLength: Int.random(in: 12...1 << 20, using: &random),
            length: Int.random(in: 1000...1 << 20, using: &random))
    }

    private func blob(_ frames: [FrameLocation], _ random: inout SeededGenerator) -> BlobReference {
        let frame = frames.randomElement(using: &random) ?? frame(&random)
        let offset = Int.random(in: 0..<frame.length, using: &random)
        return BlobReference(
            digest: Self.digest(&random), frame: frame, offset: offset,
            length: Int.random(in: 1...frame.length - offset, using: &random))
    }

    private func frames(_ random: inout SeededGenerator) -> [FrameLocation] {
        (0..<Int.random(in: 1...4, using: &random)).map { _ in frame(&random) }
    }

    func chunks(_ random: inout SeededGenerator) -> [BlobReference] {
        let frames = frames(&random)
        return (0..<Int.random(in: 1...5, using: &random)).map { _ in blob(frames, &random) }
    }

    func root(_ random: inout SeededGenerator) -> ManifestRoot {
        var root = ManifestRoot()
        root.files = Int.random(in: 0...100_000, using: &random)
        root.bytes = Int64.random(in: 0...1 << 40, using: &random)
        // One half of them are of version 1.
        if Bool.random(using: &random) { root.packs = packUses(&random) }
        root.pages = chunks(&random).map {
            ManifestRoot.Page(blob: $0, files: Int.random(in: 1...ManifestPage.maxEntries, using: &random))
        }
        return root
    }

    /// In the order of the packs.
    func packUses(_ random: inout SeededGenerator) -> [PackUse] {
        packs.sorted().map { pack in
            let size = Int64.random(in: 100...1 << 24, using: &random)
            return PackUse(pack: pack, size: size, used: Int64.random(in: 0...size, using: &random))
        }
    }

    func entries(_ random: inout SeededGenerator) -> [Entry] {
        let frames = frames(&random)
        var paths: Set<RelativePath> = []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let names = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                ["a", "session", "ses_1", "ö", "file.json", "b b"].randomElement(using: &random) ?? "c"
            }
            if let path = RelativePath(names.joined(separator: "/")) { paths.insert(path) }
        }
        return paths.sorted().map { path in
            let mode = UInt32.random(in: 0...0o777, using: &random)
            let times: [Int64] = [0, -1, 1_700_000_000_123_456_789, .min, .max]
            let modified = times.randomElement(using: &random) ?? 0
            func entry(_ size: Int64, _ digest: Digest, _ content: Entry.Content) -> Entry {
                Entry(path: path, mode: mode, modified: modified, size: size, digest: digest, content: content)
            }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: return entry(0, emptyDigest, .empty)
            case 1:
                let blob = blob(frames, &random)
                return entry(Int64(blob.length), blob.digest, .blob(blob))
            case 2:
                let chunks = (0..<3).map { _ in blob(frames, &random) }
                return entry(total(chunks), Self.digest(&random), .chunks(chunks))
            default:
                let lists = (0..<2).map { _ in blob(frames, &random) }
                return entry(
                    Int64.random(in: 1...1 << 40, using: &random), Self.digest(&random),
                    .chunkLists(lists, packs: packs.shuffled(using: &random)))
            }
        }
    }
}
