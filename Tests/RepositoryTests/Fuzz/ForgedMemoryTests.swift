import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Repository

@Suite("A memory whose hashes are right and whose documents are not")
struct ForgedMemoryTests {
    /// Reads all that there is to read.
    /// - Returns: how many files were there.
    private func readAll(_ memory: ForgedMemory) async throws -> Int {
        let repository = memory.repository
        let newest = try await repository.newest()
        guard let manifest = newest.manifests.first else {
            throw RepositoryError.damaged(nil, "\(newest.heads.damaged)")
        }
        // All at once, as a restore does.
        let blobs = try await repository.blobs(of: manifest.entries)
        _ = try await repository.readBlobs(Array(blobs.values.joined()))
        for entry in manifest.entries {
            let content = try await repository.content(of: entry)
            #expect(content.readableBytes == Int(entry.size))
        }
        return manifest.fileCount
    }

    @Test("As it is meant, it is read")
    func valid() async throws {
        var memory = ForgedMemory()
        try await memory.write()
        #expect(try await readAll(memory) == 11)
    }

    @Test("With 3,000 times other fields it is read or refused as damaged")
    func mutated() async throws {
        var random = SeededGenerator.forTest()
        var refused = 0
        for round in 0..<3000 {
            var memory = ForgedMemory()
            var own = random
            let change = { (fields: inout Fields) in
                for _ in 0..<Int.random(in: 1...2, using: &own) { fields.mutate(&own) }
            }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try await memory.write(page: change)
            case 1: try await memory.write(list: change)
            case 2: try await memory.write(packs: change)
            default: try await memory.write(root: change)
            }
            _ = random.next()
            do { _ = try await readAll(memory) } catch let error as RepositoryError {
                refused += 1
                let expected = error.kind == .damaged || error.kind == .formatTooNew
                try #require(expected, "seed \(random.seed), round \(round): \(error)")
            } catch {
                Issue.record("seed \(random.seed), round \(round): \(error)")
                return
            }
        }
        #expect(refused > 1000)
    }

    /// One thing that is wrong with a memory.
    struct Forgery: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var entries: @Sendable (inout [Entry]) -> Void = { _ in }
        var pages: @Sendable (inout ManifestRoot) -> Void = { _ in }
        var packs: @Sendable (inout Fields) -> Void = { _ in }
        var commit: @Sendable (inout Commit) -> Void = { _ in }

        /// Something is wrong with where the content of a file lies.
        static func frame(
            _ name: String, of file: Int = 1, offset: Int = 0, stored: Int = 0, length: Int = 0
        ) -> Forgery {
            Forgery(testDescription: name) { entries in
                guard case .blob(let blob) = entries[file].content else { return }
                let frame = FrameLocation(
                    pack: blob.frame.pack, offset: blob.frame.offset + offset,
                    storedLength: blob.frame.storedLength + stored, length: blob.frame.length + length)
                entries[file] = entries[file].with(
                    .blob(BlobReference(digest: blob.digest, frame: frame, offset: blob.offset, length: blob.length)))
            }
        }
    }

    static let forgeries: [Forgery] = [
        .frame("a frame begins inside of another", offset: 3),
        .frame("a frame begins inside of another and ends in it", offset: 3, stored: -6),
        .frame("a frame begins with another and ends before it", stored: -5),
        .frame("a frame begins with another and ends after it", stored: 5),
        .frame("two frames differ in the length of their content", length: 7),
        .frame("a frame begins in the header of the pack", offset: -10),
        .frame("a frame begins at the start of the pack", offset: -Pack.headerLength),
        .frame("a frame begins far behind the end of the pack", offset: 1 << 20),
        .frame("a frame begins a gibibyte behind the end", offset: Pack.maxLength - Pack.headerLength),
        .frame("a frame is sixteen mebibytes long", stored: FrameLocation.maxLength),
        .frame("a frame says that it holds sixteen mebibytes", length: FrameLocation.maxLength - 100_000),
        Forgery(testDescription: "all frames are empty") { entries in
            for index in entries.indices {
                guard case .blob(let blob) = entries[index].content else { continue }
                let frame = FrameLocation(
                    pack: blob.frame.pack, offset: blob.frame.offset, storedLength: 0, length: blob.frame.length)
                entries[index] = entries[index].with(
                    .blob(BlobReference(digest: blob.digest, frame: frame, offset: blob.offset, length: blob.length)))
            }
        },
        Forgery(testDescription: "a file has another digest") { entries in
            entries[0] = Entry(
                path: entries[0].path, mode: 0, modified: 0, size: entries[0].size, digest: entries[1].digest,
                content: entries[0].content)
        },
        Forgery(testDescription: "a file of chunk lists is shorter than its chunks") { entries in
            entries[9] = Entry(
                path: entries[9].path, mode: 0, modified: 0, size: 1, digest: entries[9].digest,
                content: entries[9].content)
        },
        Forgery(testDescription: "a chunk list is content") { entries in
            entries[9] = Entry(
                path: entries[9].path, mode: 0, modified: 0, size: entries[9].size, digest: entries[9].digest,
                content: .chunkLists(entries[10].references, packs: []))
        },
        Forgery(testDescription: "the files are out of order") { $0.swapAt(5, 9) },
        Forgery(testDescription: "a file is there twice") { $0[8] = $0[7] },
        Forgery(testDescription: "a page is there twice", pages: { $0.pages.append($0.pages[0]) }),
        Forgery(testDescription: "a page is missing", pages: { $0.pages.removeFirst() }),
        Forgery(testDescription: "the pages are out of order", pages: { $0.pages.swapAt(0, 1) }),
        Forgery(testDescription: "there are more files than said", pages: { $0.files -= 1 }),
        Forgery(testDescription: "there are fewer files than said", pages: { $0.files = .max }),
        Forgery(testDescription: "there are more bytes than said", pages: { $0.bytes = 0 }),
        Forgery(
            testDescription: "the manifest lies in a pack that is not there",
            commit: { $0 = $0.with(pack: Digest(of: ByteBuffer(string: "gone"))) }),
        Forgery(
            testDescription: "the packs are out of order",
            packs: {
                $0 = Fields.packList([
                    PackUse(pack: Digest(of: ByteBuffer()), size: 1, used: 1),
                    PackUse(pack: Pack.own, size: 0, used: 0),
                ])
            }),
        Forgery(
            testDescription: "a pack is there twice",
            packs: { $0 = Fields.packList(Array(repeating: PackUse(pack: Pack.own, size: 0, used: 0), count: 2)) }),
    ]

    @Test("What is wrong with it is damage, and nothing worse", arguments: forgeries)
    func damage(_ forgery: Forgery) async throws {
        var memory = ForgedMemory()
        try await memory.write(
            entries: forgery.entries, pages: forgery.pages, packs: forgery.packs, commit: forgery.commit)
        do {
            _ = try await readAll(memory)
            Issue.record("it was read")
        } catch let error as RepositoryError {
            #expect(error.kind == .damaged, "\(error)")
        }
    }
}

extension Entry {
    fileprivate func with(_ content: Content) -> Entry {
        Entry(path: path, mode: mode, modified: modified, size: size, digest: digest, content: content)
    }
}

extension Commit {
    fileprivate func with(pack: Digest) -> Commit {
        .forged(
            sequence: seq, nonce: nonce, parents: parents, ancestors: ancestors,
            manifest: ManifestPlace(
                pack: pack, packSize: manifest.packSize, pages: manifest.pages,
                root: manifest.root.moved(from: manifest.pack, to: pack),
                packList: manifest.packList?.moved(from: manifest.pack, to: pack)))
    }
}
