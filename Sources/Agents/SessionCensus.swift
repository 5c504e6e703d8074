import AgentDatabase
import FileIO

/// The sessions of one place by their ids, each with the time of its last change: enough to count what came and went.
public struct SessionCensus: Sendable, Equatable {
    public struct Mark: Sendable, Equatable {
        /// It changes when the session does.
        public let version: Int64
        /// The form that the session is in, 0 the newest: an update of an agent leaves what it has imported in the older one.
        public let form: Int

        public init(version: Int64, form: Int = 0) { (self.version, self.form) = (version, form) }
    }

    /// By the bytes of the ids.
    public private(set) var marks: [[UInt8]: Mark] = [:]
    /// The newest form that the place has room for; `nil` if that is not known.
    public internal(set) var newestForm: Int?

    public init() {}

    public var count: Int { marks.count }

    /// Notes a session. Of two with the same id, that of the newer form counts, then that which was written to last.
    public mutating func add(_ id: [UInt8], _ mark: Mark) {
        if let known = marks[id], (known.form, -known.version) <= (mark.form, -mark.version) { return }
        marks[id] = mark
    }

    /// Adds the sessions of another place.
    public mutating func formUnion(_ other: SessionCensus) {
        for (id, mark) in other.marks { add(id, mark) }
        newestForm = [newestForm, other.newestForm].compactMap(\.self).min()
    }

    /// How many sessions of an earlier state this one has lost: they are in it no more, or only in an older form. Those of a
    /// form that this place has no room for were never here.
    public func lost(since before: SessionCensus) -> Int {
        before.marks.count { id, mark in
            guard mark.form >= newestForm ?? 0 else { return false }
            return marks[id].map { $0.form > mark.form } ?? true
        }
    }

    /// How many sessions are in this state and not in an earlier one.
    public func gained(since before: SessionCensus) -> Int { marks.keys.count { before.marks[$0] == nil } }

    /// How many sessions of an earlier state have changed since.
    public func continued(since before: SessionCensus) -> Int {
        before.marks.count { id, mark in marks[id].map { $0.form <= mark.form && $0.version != mark.version } ?? false }
    }
}

extension SessionReader {
    /// Counts the sessions of a live database, which is not changed. Blocks.
    /// - Throws: ``SQLiteError``, ``FileError``, `CancellationError`: then it is unknown which sessions there are.
    public func census(
        of database: DatabaseFile, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionCensus {
        try census(in: try database.readOnlyConnection(), cancellation)
    }

    /// Counts the sessions of a private copy of a stored database. Blocks.
    /// - Throws: as ``census(of:_:)``.
    public func census(
        of copy: DatabaseTables, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionCensus {
        try census(in: try copy.connection(), cancellation)
    }

    /// Counts the sessions of an image that was just captured. Blocks.
    /// - Returns: `nil` if the image has no connection any more.
    /// - Throws: as ``census(of:_:)``.
    public func census(
        of image: DatabaseImage, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionCensus? {
        try image.connection.map { try census(in: $0, cancellation) }
    }

    /// Counts the sessions of a database on its way to its place. Blocks.
    /// - Throws: as ``census(of:_:)``.
    public func census(
        of install: DatabaseInstall, _ cancellation: Cancellation = Cancellation()
    ) throws -> SessionCensus {
        try census(in: try install.connection(), cancellation)
    }

    /// The session that a path below the storage directory is the file of, in the layout of the JSON era.
    /// - Returns: `nil` if it is no session's file.
    public func session(at path: RelativePath) -> [UInt8]? {
        let names = path.components
        guard names.count == 3, names[0].elementsEqual(profile.files.sessions.utf8),
            names[2].suffix(5).elementsEqual(".json".utf8), names[2].count > 5
        else { return nil }
        return Array(names[2].dropLast(5))
    }

    private func census(in connection: SQLiteConnection, _ cancellation: Cancellation) throws -> SessionCensus {
        let present = Set(try connection.tables().filter(\.isOrdinary).map(\.name))
        var census = SessionCensus()
        for (form, table) in profile.tables.enumerated() where present.contains(table.name) {
            let names = Set(try connection.columns(of: table.name).map(\.name))
            // A table that has only the name in common with the agent's says nothing of sessions.
            let own = [table.title, table.directory, table.project, table.created, table.updated]
            guard names.contains(table.id), own.contains(where: names.contains) else { continue }
            census.newestForm = min(census.newestForm ?? form, form)
            let updated = names.contains(table.updated) ? SQLText.name(table.updated) : "NULL"
            let statement = try connection.prepare(
                "SELECT \(SQLText.name(table.id)), \(updated) FROM main.\(SQLText.name(table.name))")
            while try statement.step() {
                if census.count.isMultiple(of: 1024) { try cancellation.check() }
                guard case .text(let id) = statement[0] else { continue }
                census.add(Array(id), SessionCensus.Mark(version: statement[1].integer ?? 0, form: form))
            }
        }
        return census
    }
}
