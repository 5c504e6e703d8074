import FileIO
import Testing

@testable import Repository

@Suite("Tombstones of sessions")
struct TombstoneTests {
    @Test("A mark is the HMAC of the session's id, with the bytes of the memory id as the key")
    func vector() throws {
        // printf 'session\0ses_5a2f' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102030405060708090a0b0c0d0e0f
        let mark = try #require(Tombstone(session: "ses_5a2f".utf8, memory: "000102030405060708090a0b0c0d0e0f"))
        #expect(mark.mark.hexadecimal == "0edf38a32154c2ba200f283a6b7dedd52eb54a832a2a0d5ec7110af2c3165ca4")
        #expect(Tombstone(session: "ses_5a2f".utf8, memory: "0001") == nil)
    }

    @Test("Every later commit repeats the marks of its parents, merges those of all")
    func carried() async throws {
        let memory = try await CommitGraph()
        let marks = (0..<3).compactMap { Tombstone(session: "ses_\($0)".utf8, memory: memory.memoryID) }.sorted()
        let first = try await memory.add(2, parents: [memory.first]) { $0.tombstones = [marks[0], marks[1]] }
        _ = try await memory.add(2, nonce: "b", parents: [memory.first]) { $0.tombstones = [marks[1], marks[2]] }
        let merge = try await memory.save()
        #expect(merge.commit.parents.count == 2)
        #expect(merge.commit.parents[0] == first.reference)
        #expect(merge.commit.tombstones == marks)
        #expect(try await memory.save(["c"]).commit.tombstones == marks)
    }
}
