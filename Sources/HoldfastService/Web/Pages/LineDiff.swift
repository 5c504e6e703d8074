/// Which lines of a text differ from those of another.
enum LineDiff {
    enum Kind: Sendable { case same, added, removed }

    struct Line: Sendable, Equatable {
        let kind: Kind
        let text: String
    }

    /// Lines that differ, with some around them that do not.
    struct Hunk: Sendable, Equatable {
        /// The number of the first line on each side, from 1.
        let oldStart: Int
        let newStart: Int
        var lines: [Line]
    }

    /// Lines that are shown around a difference.
    static let context = 3
    /// More lines than this, between the first and the last that differ, are not compared: it would take long.
    static let mostLines = 4000

    /// - Returns: `nil` for texts that differ in too many lines.
    static func hunks(from old: [String], to new: [String]) -> [Hunk]? {
        // Most of a file is the same at its beginning and at its end. Bytes are compared: `==` of texts takes more for equal.
        let shortest = min(old.count, new.count)
        let head = (0..<shortest).first { !isSame(old[$0], new[$0]) } ?? shortest
        let tail = (0..<(shortest - head)).first { !isSame(old[old.count - 1 - $0], new[new.count - 1 - $0]) }
        let tailCount = tail ?? shortest - head
        let (a, b) = (Array(old[head..<(old.count - tailCount)]), Array(new[head..<(new.count - tailCount)]))
        guard a.count + b.count <= mostLines else { return nil }
        guard !a.isEmpty || !b.isEmpty else { return [] }

        let difference = b.map { Array($0.utf8) }.difference(from: a.map { Array($0.utf8) })
        var (removed, added): (Set<Int>, Set<Int>) = ([], [])
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): added.insert(offset)
            }
        }
        var all = old[..<head].map { Line(kind: .same, text: $0) }
        var (i, j) = (0, 0)
        while i < a.count || j < b.count {
            if i < a.count, removed.contains(i) {
                all.append(Line(kind: .removed, text: a[i]))
                i += 1
            } else if j < b.count, added.contains(j) {
                all.append(Line(kind: .added, text: b[j]))
                j += 1
            } else {
                all.append(Line(kind: .same, text: a[i]))
                (i, j) = (i + 1, j + 1)
            }
        }
        all += old[(old.count - tailCount)...].map { Line(kind: .same, text: $0) }
        return cut(all)
    }

    private static func isSame(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

    /// Leaves out what is far from every difference.
    private static func cut(_ lines: [Line]) -> [Hunk] {
        var hunks: [Hunk] = []
        var (old, new) = (1, 1)
        var end = 0
        for (index, line) in lines.enumerated() {
            if line.kind != .same {
                let start = max(end, index - context)
                if hunks.isEmpty || start > end {
                    let before = lines[start..<index].count
                    hunks.append(Hunk(oldStart: old - before, newStart: new - before, lines: []))
                    end = start
                }
                hunks[hunks.count - 1].lines += lines[end...index]
                end = index + 1
            } else if let last = hunks.last, !last.lines.isEmpty, index == end,
                last.lines.suffix(context).contains(where: { $0.kind != .same })
            {
                hunks[hunks.count - 1].lines.append(line)
                end = index + 1
            }
            if line.kind != .added { old += 1 }
            if line.kind != .removed { new += 1 }
        }
        return hunks
    }
}
