import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Dead bytes of any database")
struct DatabasePagesPropertyTests {
    struct Case: Sendable, CustomStringConvertible {
        let pageSize: Int
        let autoVacuum: Int
        let seed: UInt64
        var description: String { "pages of \(pageSize), auto_vacuum \(autoVacuum), seed \(seed)" }
    }

    static let cases = ImageFixture.pageSizes.enumerated().flatMap { index, pageSize in
        (0...2).map { Case(pageSize: pageSize, autoVacuum: $0, seed: UInt64(index * 10 + $0 + 1)) }
    }

    /// A database after random changes, with the short text that each of its values repeats.
    struct History {
        let image: ImageFixture
        private var random: SeededGenerator
        private var live: [Int64: String] = [:]
        private var pairs: [String] = []
        private(set) var gone: [String] = []

        init(_ test: Case) throws {
            random = SeededGenerator(seed: test.seed)
            image = try ImageFixture(
                pageSize: test.pageSize, autoVacuum: test.autoVacuum,
                """
                CREATE TABLE item (id INTEGER PRIMARY KEY, token TEXT, body);
                CREATE INDEX item_token ON item (token);
                CREATE INDEX item_body ON item (substr(body, 1, 300), id DESC);
                CREATE TABLE pair (token TEXT, body, PRIMARY KEY (token)) WITHOUT ROWID;
                """)
        }

        private mutating func token() -> String {
            let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
            return String((0..<10).map { _ in letters.randomElement(using: &random) ?? "a" })
        }

        private mutating func body(_ token: String, _ pageSize: Int) -> SQLiteValue {
            let limit = [30, 30, 400, pageSize, pageSize * 3].randomElement(using: &random) ?? 30
            let count = Int.random(in: 0...max(1, min(limit, 20_000) / 10), using: &random)
            let text = String(repeating: token, count: count)
            return Bool.random(using: &random) ? .text(text) : .blob(Array(text.utf8))
        }

        mutating func run(_ changes: Int, _ pageSize: Int) throws {
            try image.open { connection in
                var left = changes
                while left > 0 {
                    let batch = Int.random(in: 1...min(left, 80), using: &random)
                    try connection.transaction {
                        for _ in 0..<batch { try change(connection, pageSize) }
                    }
                    left -= batch
                    if Int.random(in: 0..<6, using: &random) == 0 {
                        try connection.execute("PRAGMA incremental_vacuum(3)")
                    }
                }
            }
        }

        private mutating func change(_ connection: SQLiteConnection, _ pageSize: Int) throws {
            let new = token()
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                // Mostly near each other, sometimes far away: keys of all lengths.
                let id = Int64.random(in: Bool.random(using: &random) ? 0...400 : 0...Int64.max, using: &random)
                try connection.prepare("INSERT OR REPLACE INTO item VALUES (?, ?, ?)")
                    .run([.integer(id), .text(new), body(new, pageSize)])
                if let old = live.updateValue(new, forKey: id) { gone.append(old) }
            case 4..<6:
                guard let (id, old) = live.randomElement(using: &random) else { return }
                try connection.prepare("UPDATE item SET token = ?, body = ? WHERE id = ?")
                    .run([.text(new), body(new, pageSize), .integer(id)])
                live[id] = new
                gone.append(old)
            case 6..<7:
                guard let (id, old) = live.randomElement(using: &random) else { return }
                try connection.prepare("DELETE FROM item WHERE id = ?").run([.integer(id)])
                live[id] = nil
                gone.append(old)
            case 7..<9:
                try connection.prepare("INSERT INTO pair VALUES (?, ?)").run([.text(new), body(new, pageSize)])
                pairs.append(new)
            default:
                guard let index = pairs.indices.randomElement(using: &random) else { return }
                try connection.prepare("DELETE FROM pair WHERE token = ?").run([.text(pairs[index])])
                gone.append(pairs.remove(at: index))
            }
        }
    }

    @Test("After any history no deleted value is left, and every live one is", arguments: cases)
    func anyHistory(test: Case) throws {
        var history = try History(test)
        var random = SeededGenerator(seed: test.seed)
        for _ in 0..<2 {
            try history.run(300, test.pageSize)
            let before = try history.image.dump()
            // The search takes most of the time: the newest of them, and some of all.
            let gone = history.gone.suffix(100) + history.gone.shuffled(using: &random).prefix(100)
            #expect(try found(gone.prefix(100), in: history.image.bytes).count > 10, "\(test)")
            try history.image.zeroUnused()
            #expect(try found(gone, in: history.image.bytes) == [], "\(test)")
            #expect(try history.image.dump() == before, "\(test)")
            #expect(try history.image.isIntact(), "\(test)")
        }
    }
}

@Suite("Damaged databases")
struct DatabasePagesFuzzTests {
    static let pageSizes = [512, 1024, 4096]

    @Test("Whatever bytes are changed, it throws or keeps every row", arguments: pageSizes, [0, 1])
    func anyDamage(pageSize: Int, autoVacuum: Int) throws {
        let seed = UInt64(pageSize + autoVacuum)
        var random = SeededGenerator(seed: seed)
        var history = try DatabasePagesPropertyTests.History(
            .init(pageSize: pageSize, autoVacuum: autoVacuum, seed: seed))
        try history.run(60, 400)
        let image = history.image
        let sound = try image.bytes
        let roots = try image.open { try DatabasePages.roots(of: $0) }
        var passed = 0
        for round in 0..<500 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                Self.damage(&bytes, pageSize, &random)
            }
            try image.write(bytes)
            let before = try? image.dump()
            let wasIntact = (try? image.isIntact()) ?? false
            do {
                try DatabasePages.zeroUnused(in: File.open(image.path, .readWrite), roots: roots)
                passed += 1
            } catch {
                #expect(error is MalformedDatabase, "seed \(seed), round \(round)")
                #expect(!wasIntact, "seed \(seed), round \(round): \(error)")
                continue
            }
            if let before { #expect(try image.dump() == before, "seed \(seed), round \(round)") }
            if wasIntact { #expect(try image.isIntact(), "seed \(seed), round \(round)") }
        }
        #expect(passed > 20)
        #expect(passed < 480)
    }

    private static func damage(_ bytes: inout [UInt8], _ pageSize: Int, _ random: inout SeededGenerator) {
        let page = Int.random(in: 0..<bytes.count / pageSize, using: &random) * pageSize
        // Headers and pointers more often than content, numbers that are a little wrong more often than any.
        let reach = [12, 60, pageSize].randomElement(using: &random) ?? pageSize
        let offset = page + Int.random(in: 0..<reach, using: &random)
        let value = bytes[offset]
        bytes[offset] =
            [value &+ 1, value &- 1, 0, 255, value ^ 0x80, UInt8.random(in: 0...255, using: &random)]
            .randomElement(using: &random) ?? 0
    }
}
