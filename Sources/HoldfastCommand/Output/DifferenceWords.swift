import Basics
import FileIO
import Holdfast
import Repository

extension Difference {
    /// `2 added, 1 changed, 0 removed`, and how many cannot be compared if there are any.
    var summary: String {
        let unknown = unknown.isEmpty ? "" : ", \(unknown.count) unknown"
        return "\(added.count) added, \(changed.count) changed, \(removed.count) removed\(unknown)"
    }

    /// The same of what is here, compared with the store.
    var summaryHere: String {
        let difference = "\(summary) here"
        guard !notHere.isEmpty else { return difference }
        let missing = "\(Figures.count(notHere.count, "file")) in the store that this machine never had"
        let isAll = added.isEmpty && changed.isEmpty && removed.isEmpty && unknown.isEmpty
        return isAll ? missing : "\(difference), \(missing)"
    }

    /// One line for each file, by path: `+` added, `~` changed, `-` removed, `<` only in the store, `?` unknown.
    /// - Parameter limit: show only so many, and how many more there are; all if `nil`.
    func lines(limit: Int?) -> [String] {
        let files =
            added.map { ($0.path, "+", Figures.bytes($0.size)) }
            + removed.map { ($0.path, "-", Figures.bytes($0.size)) }
            + notHere.map { ($0.path, "<", Figures.bytes($0.size)) }
            + unknown.map { ($0.path, "?", "unknown") }
            + changed.map { ($0.new.path, "~", "\(Figures.bytes($0.old.size)) → \(Figures.bytes($0.new.size))") }
        var table = Table(sides: [.left, .right, .left])
        for (path, sign, size) in files.sorted(by: { $0.0 < $1.0 }).prefix(limit ?? .max) {
            table.add(sign, size, "\(path)")
        }
        let more = files.count - (limit ?? .max)
        return table.lines + (more > 0 ? ["… and \(more) more (-v shows all)"] : [])
    }
}

/// A difference in JSON.
struct DifferenceReport: Encodable {
    struct File: Encodable {
        let path: String
        let size: Int64

        init(_ file: FileFacts) { (path, size) = (file.path.text, file.size) }
    }

    struct Change: Encodable {
        let path: String
        let oldSize: Int64
        let newSize: Int64

        init(_ change: Difference.Change) {
            (path, oldSize, newSize) = (change.new.path.text, change.old.size, change.new.size)
        }
    }

    struct Unknown: Encodable {
        let path: String
        let reason: String

        init(_ unknown: Difference.Unknown) { (path, reason) = (unknown.path.text, unknown.reason) }
    }

    let added: [File]
    let changed: [Change]
    let removed: [File]
    let unknown: [Unknown]

    init(_ difference: Difference) {
        added = difference.added.map(File.init)
        changed = difference.changed.map(Change.init)
        removed = difference.removed.map(File.init)
        unknown = difference.unknown.map(Unknown.init)
    }
}
