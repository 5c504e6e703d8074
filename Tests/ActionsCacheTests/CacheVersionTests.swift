import Testing

@testable import ActionsCache

@Suite struct CacheVersionTests {
    @Test(
        "the version is the one that actions/cache computes",
        arguments: [
            (["big.bin"], Compression.zstd, "dc7cee5591f7ac83357a0fe9e5b399bf5fd78c3c1dadfdb6ced835f5164c72c5"),
            (
                ["payload", "~/.cachetest", "!payload/sub"], .zstd,
                "757f4322a834381a1e8cbdcaa0b4386dac8f17489c1894568938cb5912ce0cbe"
            ),
            (
                ["node_modules", "packages/*/node_modules/"], .gzip,
                "9d05f8f851ab8a30eb65f7a820606bc621fff59ed8796d27e0f23eeef7949ada"
            ),
            (["caché/日本"], .zstd, "1021f190a33cd0b380a72b25bcf9526bd155a45c6b921254f58be1563b8ac2a9"),
            ([" .build ", ""], .zstd, "893bd58f242f23460e168426d9eb2511c70fa65fe3d5547cf00ae0a31fe291e5"),
        ])
    func version(paths: [String], compression: Compression, expected: String) {
        #expect(CacheVersion.hash(paths: paths, compression: compression) == expected)
    }

    @Test(
        "a key has 1 to 512 UTF-16 units and no comma",
        arguments: [
            ("k", true), (String(repeating: "k", count: 512), true), (String(repeating: "k", count: 513), false),
            (String(repeating: "𝄞", count: 256), true), (String(repeating: "𝄞", count: 257), false), ("", false),
            ("a,b", false), ("a b\n日本", true),
        ])
    func key(text: String, isValid: Bool) {
        #expect(((try? CacheKey(text)) != nil) == isValid)
    }

    @Test("a service that lowers the case of keys still answers exactly")
    func exactness() throws {
        let key = try CacheKey("Linux-Main")
        #expect(key.isExactly("linux-main"))
        #expect(!key.isExactly("linux-main-2"))
    }

    @Test(
        "numbers of tar headers may be octal or binary",
        arguments: [
            (Array("0000644\0".utf8), Int64(0o644)), (Array("   17 \0".utf8), 0o17), ([0, 0, 0, 0], 0),
            ([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2], 258), ([0xFF] + Array(repeating: 0xFF, count: 11), -1),
        ] as [([UInt8], Int64)])
    func numbers(field: [UInt8], expected: Int64) throws {
        #expect(try TarHeader.number(field[...]) == expected)
    }

    @Test(
        "a range is only understood whole",
        arguments: ["bytes 0-99", "bytes */100", "bytes 5-4/10", "bytes 0-10/10", "0-1/2", "bytes -1-2/3", ""])
    func contentRange(text: String) {
        #expect(ContentRange(text) == nil)
    }
}
