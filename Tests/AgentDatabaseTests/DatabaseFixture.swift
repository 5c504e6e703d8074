import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

/// Images of one database in a directory of their own.
final class DatabaseFixture: Sendable {
    let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

    func path(_ name: String) -> String { "\(tree.path)/\(name)" }

    @discardableResult
    func make(_ name: String, _ sql: String...) throws -> SQLiteConnection {
        let image = try SQLiteConnection(path(name), .create)
        try image.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        for sql in sql { try image.execute(sql) }
        return image
    }

    func change(_ name: String, _ sql: String...) throws {
        let image = try SQLiteConnection(path(name), .write)
        try image.execute("PRAGMA synchronous = OFF")
        for sql in sql { try image.execute(sql) }
    }

    func copy(_ name: String, to others: String...) throws {
        for other in others {
            try? FileManager.default.removeItem(atPath: path(other))
            try FileManager.default.copyItem(atPath: path(name), toPath: path(other))
        }
    }

    /// Makes `base` by `schema`, and both sides from it by a change each.
    func sides(_ schema: String, ours: String, theirs: String) throws {
        try make("base", schema)
        try copy("base", to: "ours", "theirs")
        try change("ours", ours)
        try change("theirs", theirs)
    }

    /// Merges copies of images. The result is `merged`.
    @discardableResult
    func merge(
        base: String? = "base", _ ours: String = "ours", _ theirs: String = "theirs",
        schema: DatabaseMerge.Choice = .later
    ) throws -> DatabaseMerge.Outcome {
        for name in [ours, theirs] { try copy(name, to: "\(name) copy") }
        if let base { try copy(base, to: "base copy") }
        let outcome = try DatabaseMerge.merge(
            base: base == nil ? nil : path("base copy"), ours: path("\(ours) copy"), theirs: path("\(theirs) copy"),
            schema: schema, cancellation: Cancellation())
        guard outcome.refusal.isEmpty else { return outcome }
        try copy("\(outcome.target == .ours ? ours : theirs) copy", to: "merged")
        #expect(try rows("merged", "PRAGMA integrity_check") == ["ok"])
        return outcome
    }

    func rows(_ name: String, _ sql: String) throws -> [String] {
        try SQLiteConnection(path(name), .read).rows(sql).map { $0.map(\.shown).joined(separator: "|") }
    }

    /// How many references of images lead nowhere.
    func orphans(of names: String...) throws -> Int {
        try names.reduce(0) { $0 + (try rows($1, "PRAGMA foreign_key_check").count) }
    }

    func remove(_ names: String...) {
        for name in names { try? FileManager.default.removeItem(atPath: path(name)) }
    }

    /// Every row of every table, in order of its text.
    func dump(_ name: String) throws -> [String] {
        let image = try SQLiteConnection(path(name), .read)
        let tables = try image.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1")
        return try tables.flatMap { table in
            let name = table[0].string ?? ""
            return try image.rows("SELECT * FROM \(SQLText.name(name))")
                .map { "\(name): " + $0.map(\.shown).joined(separator: "|") }.sorted()
        }
    }
}

extension SQLiteValue {
    var shown: String {
        switch self {
        case .null: "NULL"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .text(let bytes): String(decoding: bytes, as: UTF8.self)
        case .blob(let bytes): "x\(bytes)"
        }
    }
}
