import FileIO
import Glibc
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Repository

@Suite("Claims of documents, and memory")
struct MemoryLimitTests {
    /// Lets this process get at most so many bytes more than it has.
    private static func limitMemory(to more: UInt) throws {
        let status = try File.open("/proc/self/status", .read)
        var text = ByteBuffer()
        _ = try status.read(into: &text, count: 1 << 16, at: 0)
        let lines = String(buffer: text).split(separator: "\n")
        let data = try #require(lines.first { $0.hasPrefix("VmData:") })
        let used = try #require(UInt(data.filter(\.isNumber))) << 10
        var limit = rlimit(rlim_cur: used + more, rlim_max: used + more)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0)
    }

    @Test("No document makes the process take memory because it says so")
    func claims() async {
        await #expect(processExitsWith: .success) {
            try Self.limitMemory(to: 128 << 20)
            for claim in [1 << 20, 1 << 31, 1 << 32, 1 << 40, 1 << 62, UInt64(Int64.max), .max] {
                for (name, version) in [("HFPG", 1), ("HFRT", 1), ("HFRT", 2), ("HFPL", 2), ("HFCL", 1)]
                    as [(String, UInt8)]
                {
                    // The claim as each of the first numbers of the document.
                    for zeros in 0..<6 {
                        var fields = Fields()
                        fields.raw(name.utf8)
                        fields.raw([version])
                        for _ in 0..<zeros { fields.number(0) }
                        fields.number(claim)
                        fields.raw([UInt8](repeating: 1, count: 4096))
                        _ = try? ManifestPage.decode(fields.bytes)
                        _ = try? ManifestRoot.decode(fields.bytes)
                        _ = try? PackList.decode(fields.bytes)
                        _ = try? ChunkList.decode(fields.bytes, in: Pack.own)
                    }
                }
            }
            for bomb in FrameFuzzTests.Bomb.allCases {
                for expected in [1, FrameLocation.maxLength] {
                    _ = try? Zstd.expand(bomb.bytes(expected: expected), length: expected)
                }
            }
        }
    }

    @Test("A root that names one page again and again takes no more memory than the page")
    func repeatedPage() async {
        await #expect(processExitsWith: .success) {
            var memory = ForgedMemory()
            try await memory.write { entries in
                for index in 0..<5 {
                    // In the page each of them takes some bytes more than the one before.
                    let path = [UInt8](repeating: UInt8(ascii: "d"), count: 4000) + [UInt8(ascii: "0") + UInt8(index)]
                    let old = entries[index]
                    entries[index] = Entry(
                        path: RelativePath(listed: path, in: nil), mode: 0, modified: 0, size: old.size,
                        digest: old.digest, content: old.content)
                }
            } pages: { root in
                root.pages = Array(repeating: root.pages[0], count: 100_000)
                root.files = 5 * 100_000
            }
            try Self.limitMemory(to: 128 << 20)
            let newest = try await memory.repository.newest()
            try #require(newest.heads.damaged.count == 1)
        }
    }
}
