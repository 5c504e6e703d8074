import FileIO

/// A commit as JSON of format 1, which is read and never written: everything stands at the top, and ancestors have no
/// hashes.
struct Format1: Decodable {
    private struct Place: Decodable {
        let pack: Digest
        let packSize: Int
        let pages: Int
        let offset: Int
        let storedLength: Int
        let length: Int
        let sha256: Digest
    }

    private let seq: UInt64
    private let nonce: String
    private let parents: [Commit.Reference]
    private let ancestors: [CommitName]
    private let repository: String
    private let agent: String
    private let writer: String
    private let time: String
    private let run: Commit.Run?
    private let files: Int
    private let bytes: Int64
    private let newBytes: Int64
    private let manifest: Place
    private let store: Commit.StoreTrait
    private let note: String?

    var commit: Commit {
        let place = Commit.ManifestPlace(
            pack: manifest.pack, packSize: manifest.packSize, pages: manifest.pages,
            root: BlobReference(
                manifest.sha256, alone: manifest.pack, offset: manifest.offset, storedLength: manifest.storedLength,
                length: manifest.length),
            packList: nil)
        return Commit(
            format: 1, seq: seq, nonce: nonce, memory: nil, agent: agent, repository: repository, parents: parents,
            ancestors: ancestors.map { Commit.Ancestor(name: $0, hash: nil) }, manifest: place, store: store,
            writer: writer, time: time, files: files, bytes: bytes, newBytes: newBytes, run: run, note: note)
    }
}
