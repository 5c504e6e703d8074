import TestSupport
import Testing

@testable import AgentDatabase

/// Three tables in which each row may belong to one of the table before, and the rules of a merge by hand.
struct MergeModel: Equatable {
    struct ID: Hashable, Comparable {
        let level: Int
        let name: String
        static func < (a: ID, b: ID) -> Bool { (a.level, a.name) < (b.level, b.name) }
    }
    struct Row: Equatable {
        var parent: String?
        var time: Int
        var data: Int

        /// Of equal times, the larger content stays.
        func isLater(than other: Row) -> Bool {
            if time != other.time { return time > other.time }
            return data == other.data ? (parent ?? "") > (other.parent ?? "") : data > other.data
        }
    }

    static let schema = """
        CREATE TABLE t0 (id text PRIMARY KEY, parent text, time_updated integer, data integer);
        CREATE TABLE t1 (id text PRIMARY KEY, parent text REFERENCES t0 ON DELETE CASCADE, time_updated integer,
          data integer);
        CREATE TABLE t2 (id text PRIMARY KEY, parent text REFERENCES t1(id) ON DELETE CASCADE, time_updated integer,
          data integer);
        """

    var rows: [ID: Row] = [:]

    func write(_ image: SQLiteConnection) throws {
        for level in 0..<3 {
            try image.execute("DELETE FROM t\(level)")
            let insert = try image.prepare("INSERT INTO t\(level) VALUES (?1, ?2, ?3, ?4)")
            for (id, row) in rows.sorted(by: { $0.key < $1.key }) where id.level == level {
                try insert.run([
                    .text(id.name), row.parent.map { .text($0) } ?? .null, .integer(Int64(row.time)),
                    .integer(Int64(row.data)),
                ])
            }
        }
    }

    static func read(_ image: SQLiteConnection) throws -> MergeModel {
        var model = MergeModel()
        for level in 0..<3 {
            for row in try image.rows("SELECT * FROM t\(level)") {
                model.rows[ID(level: level, name: row[0].string ?? "")] = Row(
                    parent: row[1].string, time: Int(row[2].integer ?? 0), data: Int(row[3].integer ?? 0))
            }
        }
        return model
    }

    private func parent(of id: ID) -> ID? {
        rows[id]?.parent.map { ID(level: id.level - 1, name: $0) }
    }

    mutating func delete(_ id: ID) {
        for child in rows.keys where parent(of: child) == id { delete(child) }
        rows[id] = nil
    }

    /// - Parameter side: goes into the names of new rows, most of which only this side has.
    mutating func mutate(_ changes: Int, _ side: String, _ random: inout SeededGenerator) {
        for _ in 0..<changes {
            let ids = rows.keys.sorted()
            let chosen = ids.randomElement(using: &random)
            let row = Row(time: Int.random(in: 0..<6, using: &random), data: Int.random(in: 0..<4, using: &random))
            switch (Int.random(in: 0..<6, using: &random), chosen) {
            case (0, let id?): delete(id)
            case (1, let id?), (2, let id?):
                rows[id] = Row(parent: rows[id]?.parent, time: row.time, data: row.data)
            case (3, let id?) where id.level > 0:
                rows[id]?.parent = ids.filter { $0.level == id.level - 1 }.randomElement(using: &random)?.name
            default:
                let level = Int.random(in: 0..<3, using: &random)
                let shared = Int.random(in: 0..<4, using: &random) == 0
                let id = ID(level: level, name: "\(shared ? "both" : side)\(Int.random(in: 0..<20, using: &random))")
                var new = row
                new.parent = ids.filter { $0.level == level - 1 }.randomElement(using: &random)?.name
                if level > 0, new.parent == nil { continue }
                rows[id] = new
            }
        }
    }

    static func merge(_ base: MergeModel, _ ours: MergeModel, _ theirs: MergeModel) -> MergeModel {
        var merged = MergeModel()
        var survivors: [(id: ID, side: MergeModel)] = []
        for id in Set(ours.rows.keys).union(theirs.rows.keys) {
            let (b, o, t) = (base.rows[id], ours.rows[id], theirs.rows[id])
            switch (o, t) {
            case (let o?, let t?):
                if o == t || o == b {
                    merged.rows[id] = t
                } else if t == b {
                    merged.rows[id] = o
                } else {
                    merged.rows[id] = o.isLater(than: t) ? o : t
                }
            case (let one?, nil), (nil, let one?):
                guard one != b else { continue }
                merged.rows[id] = one
                if b != nil { survivors.append((id, o == nil ? theirs : ours)) }
            case (nil, nil): break
            }
        }
        for (id, side) in survivors { merged.bringBack(id, side, ours, theirs) }
        while let orphan = merged.rows.keys.first(where: { id in
            merged.parent(of: id).map { merged.rows[$0] == nil } ?? false
        }) {
            guard let parent = merged.parent(of: orphan) else { break }
            merged.restore(parent, ours, theirs)
        }
        return merged
    }

    private mutating func restore(_ id: ID, _ ours: MergeModel, _ theirs: MergeModel) {
        guard rows[id] == nil else { return }
        let side = ours.rows[id] == nil ? theirs : ours
        rows[id] = side.rows[id]
        bringBack(id, side, ours, theirs)
    }

    private mutating func bringBack(_ id: ID, _ side: MergeModel, _ ours: MergeModel, _ theirs: MergeModel) {
        if let parent = parent(of: id) { restore(parent, ours, theirs) }
        for child in side.rows.keys where side.parent(of: child) == id && rows[child] == nil {
            rows[child] = side.rows[child]
            bringBack(child, side, ours, theirs)
        }
    }
}
