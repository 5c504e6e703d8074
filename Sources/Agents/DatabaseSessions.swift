import AgentDatabase
import FileIO

/// Reads the sessions of one database that others wrote.
struct DatabaseSessions {
    /// No value of more bytes is loaded. A row may hold hundreds of megabytes.
    private static let maxValue = 1 << 20

    private let connection: SQLiteConnection
    private let reader: SessionReader
    private let cancellation: Cancellation
    private var isComplete = true

    init(_ connection: SQLiteConnection, _ reader: SessionReader, _ cancellation: Cancellation) {
        (self.connection, self.reader, self.cancellation) = (connection, reader, cancellation)
        connection.limitValues(to: Self.maxValue)
    }

    mutating func list() throws -> SessionList {
        var copy = self
        return try connection.transaction("DEFERRED") { try copy.read() }
    }

    /// One session with the bytes of its id, by which its messages are counted.
    private struct Found {
        let id: [UInt8]
        let fields: [SQLiteValue]
    }

    private mutating func read() throws -> SessionList {
        let present = Set(try connection.tables().filter(\.isOrdinary).map(\.name))
        var sessions: [AgentSession] = []
        var seen: Set<[UInt8]> = []
        var hasSessionStore = false
        for table in reader.profile.tables where present.contains(table.name) {
            hasSessionStore = true
            let found = try rows(of: table, unless: seen)
            seen.formUnion(found.map(\.id))
            let counts =
                found.isEmpty || !present.contains(table.messages) ? nil : try messageCounts(table, found.map(\.id))
            for row in found {
                let session = AgentSession(
                    id: row.fields[0].string, title: row.fields[1].string, directory: row.fields[2].string,
                    project: row.fields[3].string, created: row.fields[4].integer, updated: row.fields[5].integer,
                    messages: counts?[row.id])
                if let session { sessions.append(session) } else { isComplete = false }
            }
        }
        return SessionList(sessions, isComplete: isComplete, hasSessionStore: hasSessionStore)
    }

    // MARK: Sessions

    /// The newest rows of a table, at most as many as the reader wants in all.
    /// - Parameter seen: ids of sessions that are known already.
    private mutating func rows(of table: AgentProfile.SessionTable, unless seen: Set<[UInt8]>) throws -> [Found] {
        let names = try connection.columns(of: table.name).map(\.name)
        guard names.contains(table.id), let rowID = rowID(names) else {
            isComplete = false
            return []
        }
        let columns = [table.id, table.title, table.directory, table.project, table.created, table.updated].map {
            names.contains($0) ? SQLText.name($0) : "NULL"
        }
        let from = "FROM main.\(SQLText.name(table.name))"
        let room = max(0, reader.maxSessions - seen.count)
        var found: [Found] = []
        var known = seen
        do {
            let whole = try connection.prepare(
                "SELECT \(columns.joined(separator: ", ")) \(from) WHERE \(rowID) = ?")
            let ids = try connection.prepare("SELECT \(rowID) \(from) ORDER BY \(rowID) DESC")
            while try ids.step() {
                try cancellation.check()
                guard let number = ids[0].integer else { continue }
                let fields = try self.fields(number, whole, columns, "\(from) WHERE \(rowID) = ?")
                guard case .text(let id) = fields[0], (1...AgentSession.maxIdentifier).contains(id.count) else {
                    isComplete = false
                    continue
                }
                guard known.insert(id).inserted else { continue }
                guard found.count < room else {
                    isComplete = false
                    break
                }
                found.append(Found(id: id, fields: fields))
            }
        } catch is SQLiteError {
            // The table, or the rest of it, cannot be read.
            isComplete = false
        }
        return found
    }

    /// The columns of one row. A value that is too large is as if it were not there.
    private func fields(
        _ number: Int64, _ whole: SQLiteStatement, _ columns: [String], _ from: String
    ) throws(SQLiteError) -> [SQLiteValue] {
        do throws(SQLiteError) {
            if let row = try whole.first([.integer(number)]) { return row }
        } catch { guard error.isTooBig else { throw error } }
        var row: [SQLiteValue] = []
        for column in columns {
            do throws(SQLiteError) {
                row.append(try connection.prepare("SELECT \(column) \(from)").first([.integer(number)])?.first ?? .null)
            } catch {
                guard error.isTooBig else { throw error }
                row.append(.null)
            }
        }
        return row
    }

    /// A name for the row's number that no column takes.
    private func rowID(_ columns: [String]) -> String? {
        let taken = Set(columns.map { $0.lowercased() })
        return ["rowid", "_rowid_", "oid"].first { !taken.contains($0) }
    }

    // MARK: Messages

    /// How many messages each session has; `nil` if they cannot be counted.
    ///
    /// One pass in the order that SQLite likes best, which is that of an index where there is one: a query for each session
    /// would read a table without an index again and again.
    private func messageCounts(_ table: AgentProfile.SessionTable, _ ids: [[UInt8]]) throws -> [[UInt8]: Int]? {
        var counts = Dictionary(ids.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
        do {
            guard try connection.columns(of: table.messages).contains(where: { $0.name == table.messageSession })
            else { return nil }
            let statement = try connection.prepare(
                "SELECT \(SQLText.name(table.messageSession)) FROM main.\(SQLText.name(table.messages))")
            var passed = 0
            while try statement.step() {
                passed += 1
                guard passed <= reader.maxMessages else { return nil }
                if passed.isMultiple(of: 1024) { try cancellation.check() }
                guard case .text(let id) = statement[0] else { continue }
                counts[id]? += 1
            }
            return counts
        } catch is SQLiteError {
            // A part of them would be a wrong number.
            return nil
        }
    }
}
