/// Lines whose cells stand below each other.
struct Table {
    enum Side { case left, right }

    /// The heading of each column, and the side on which its cells are flush.
    private let columns: [(title: String, side: Side)]
    private let hasTitles: Bool
    private var rows: [[String]] = []

    init(_ columns: [(title: String, side: Side)]) {
        self.columns = columns
        hasTitles = true
    }

    /// A table without headings.
    init(sides: [Side]) {
        columns = sides.map { ("", $0) }
        hasTitles = false
    }

    mutating func add(_ cells: String...) { rows.append(cells) }

    /// Headings first; no line ends with spaces.
    var lines: [String] {
        let all = hasTitles ? [columns.map(\.title)] + rows : rows
        let widths = columns.indices.map { column in all.reduce(0) { max($0, $1[column].count) } }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                line += (column == 0 ? "" : "  ") + (columns[column].side == .left ? cell + space : space + cell)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
