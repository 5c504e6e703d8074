/// Rows that a merge could not bring together without a loss, by the sessions that they belong to.
///
/// Nothing is lost without being in it: whoever merges says where the versions that lost are kept.
public struct MergeReport: Sendable, Equatable {
    /// One of the two images that were merged.
    public enum Side: Sendable, Equatable {
        case ours
        case theirs
    }

    /// Rows of one session, or rows of one table that belong to no session.
    public struct Rows: Sendable, Equatable {
        /// The side whose rows these are.
        public let side: Side
        /// The session's id; `nil` for rows of no session.
        public let session: String?
        /// The table; `nil` for rows of several tables of one session.
        public let table: String?
        public let count: Int

        public init(side: Side, session: String?, table: String?, count: Int) {
            (self.side, self.session, self.table, self.count) = (side, session, table, count)
        }
    }

    /// Versions of rows that gave way to the other side's version, or to a row that a UNIQUE constraint does not allow
    /// beside them.
    public var lost: [Rows] = []
    /// Rows without a place in the merged image, whose schema has a column that they have no value for, or no such table.
    public var leftOut: [Rows] = []
    /// Rows of a later schema that stay out of an image of an earlier one until its agent is upgraded.
    public var hidden: [Rows] = []
    /// Rows that were deleted because the other side had deleted them.
    public var deleted = 0
    /// Rows that were added or changed.
    public var written = 0
    /// The tables of rows that were left out or are hidden.
    public var unplacedTables: Set<String> = []
    /// What else a person should know, in sentences.
    public var warnings: [String] = []

    public init() {}

    /// Whether a row of a side is not in the merged image, or not as it was there.
    public func isMissing(from side: Side) -> Bool { (lost + leftOut).contains { $0.side == side } }

    /// The most lines that are said about one kind of rows.
    static let mostLines = 10

    /// What happened to rows, in sentences for people.
    /// - Parameter kept: where the versions of a side that are not in the merged image can be found, such as
    ///   `in snapshot 0123abcd`.
    public func sentences(kept: (Side) -> String?) -> [String] {
        func place(_ side: Side, _ words: String) -> String { kept(side).map { ": \(words) \($0)" } ?? "" }
        let differ = lines(lost) { rows, words in
            "\(words) \(rows.count == 1 ? "differs" : "differ")\(place(rows.side, "the older version is"))"
        }
        let left = lines(leftOut) { rows, words in
            "\(words) \(rows.count == 1 ? "has" : "have") no place in the schema of the merged database"
                + place(rows.side, "kept")
        }
        let waiting = lines(hidden) { rows, words in
            "\(words) \(rows.count == 1 ? "is" : "are") hidden: needs a newer agent"
        }
        return differ + left + waiting + warnings
    }

    private func lines(_ rows: [Rows], _ line: (Rows, String) -> String) -> [String] {
        var lines = rows.prefix(Self.mostLines).map { line($0, $0.words) }
        let rest = rows.dropFirst(Self.mostLines).reduce(0) { $0 + $1.count }
        if rest > 0, let last = rows.last {
            let others = Rows(side: last.side, session: nil, table: nil, count: rest)
            lines.append(line(others, "\(others.amount) of \(rows.count - Self.mostLines) more sessions or tables"))
        }
        return lines
    }
}

extension MergeReport.Rows {
    var amount: String { count == 1 ? "1 row" : "\(count) rows" }
    /// The rows, for a sentence.
    var words: String {
        if let session { return "\(amount) of session \(session)" }
        return table.map { "\(amount) of '\($0)'" } ?? amount
    }
}
