import Basics
import FileIO
import HTTPTypes
import Holdfast
import Repository

extension Site {
    /// How one snapshot differs from another: which files, and of one file which lines.
    func diffPage(_ id: String, _ query: Query) async throws -> Page {
        let (health, reader) = try memory(id)
        let recent = try await reader.page().snapshots
        guard let newest = recent.first else {
            throw PageError(.notFound, "“\(health.repository)” has no snapshot yet.")
        }
        let to = if let name = try query.snapshot("to") { try await reader.snapshot(named: name) } else { newest }
        let from =
            if let name = try query.snapshot("from") { try await reader.snapshot(named: name) } else {
                recent.dropFirst().first ?? newest
            }
        let (old, new) = (try await reader.manifest(of: from), try await reader.manifest(of: to))
        let between = DiffPage(id: id, from: from, to: to)
        let body: HTML
        if let text = query["path"], let path = RelativePath(text) {
            body = try await between.lines(of: path, old.entry(path), new.entry(path), reader)
        } else {
            body = between.files(Difference(from: old.entries.map(\.facts), to: new.entries.map(\.facts)))
        }
        let form = DiffForm(id: id, snapshots: recent, from: from, to: to).markup
        return Page(
            title: "\(from.shortID) to \(to.shortID)",
            trail: [("Holdfast", "/"), ("\(health.repository) (\(health.agent))", Links.memory(id))],
            body: """
                <h1>Changes from <code>\(from.shortID)</code> to <code>\(to.shortID)</code></h1>
                \(form)\(body)
                """)
    }
}

private struct DiffPage {
    let id: String
    let from: Snapshot
    let to: Snapshot

    /// Files of one table.
    private static let mostFiles = 500

    func files(_ difference: Difference) -> HTML {
        let changes: [(path: RelativePath, old: FileFacts?, new: FileFacts?)] =
            (difference.added.map { ($0.path, nil, $0) } + difference.removed.map { ($0.path, $0, nil) }
            + difference.changed.map { ($0.new.path, $0.old, $0.new) }).sorted { $0.0 < $1.0 }
        let total = changes.reduce(Int64(0)) { $0 + ($1.new?.size ?? 0) - ($1.old?.size ?? 0) }
        let summary: HTML = """
            <p>\(Figures.grouped(difference.added.count)) added, \(Figures.grouped(difference.changed.count)) changed, \
            \(Figures.grouped(difference.removed.count)) removed: \(Figures.change(total)).</p>

            """
        guard !changes.isEmpty else { return "<p>Nothing differs.</p>\n" }
        let more: HTML? =
            changes.count > Self.mostFiles
            ? """
            <p>\(Figures.count(changes.count - Self.mostFiles, "more file")) differ: \
            <code>holdfast diff \(from.shortID) \(to.shortID)</code> lists all.</p>
            """ : nil
        let rows = changes.prefix(Self.mostFiles).map(row)
        return """
            \(summary)\
            \(Markup.table("Files that differ", [
                ("Change", ""), ("File", ""), ("Before", "number wide"), ("After", "number wide"), ("Bytes", "number"),
            ], Array(rows)))\(more)
            """
    }

    private func row(_ change: (path: RelativePath, old: FileFacts?, new: FileFacts?)) -> HTML {
        let (old, new) = (change.old, change.new)
        let (kind, word): (HTML, HTML) =
            old == nil ? ("good", "added") : new == nil ? ("bad", "removed") : ("busy", "changed")
        let address =
            old == nil || new == nil
            ? Links.files(id, at: new == nil ? from : to, change.path.bytes)
            : change.path.utf8String == nil
                ? Links.files(id, at: to, change.path.bytes)
                : Links.diff(id, from: from, to: to, path: change.path.bytes)
        return """
            <tr><td class="\(kind)">\(word)</td>\
            <th scope="row" class="path"><a href="\(address)">\(change.path.description)</a></th>\
            <td class="number wide">\(old.map { Figures.bytes($0.size) } ?? "")</td>\
            <td class="number wide">\(new.map { Figures.bytes($0.size) } ?? "")</td>\
            <td class="number">\(Figures.change((new?.size ?? 0) - (old?.size ?? 0)))</td></tr>

            """
    }

    /// One file, line by line.
    func lines(of path: RelativePath, _ old: Entry?, _ new: Entry?, _ reader: SnapshotReader) async throws -> HTML {
        let name: HTML = "<code class=\"path\">\(path.description)</code>"
        guard let any = new ?? old else {
            throw PageError(.notFound, "Neither snapshot has a file “\(path.description)”.")
        }
        let whole: HTML = """
            <p><a href="\(Links.diff(id, from: from, to: to))">All files that differ</a> · \
            <a href="\(Links.files(id, at: new == nil ? from : to, any.path.bytes))">The whole file</a></p>

            """
        guard old?.digest != new?.digest else { return "<p>\(name) is the same in both.</p>\n\(whole)" }
        let largest = max(old?.size ?? 0, new?.size ?? 0)
        guard largest <= Int64(reader.limits.shownBytes) else {
            return """
                <p>\(name) has \(Figures.bytes(largest)), too much to compare here.</p>
                \(whole)
                """
        }
        var versions: [[String]] = []
        for entry in [old, new] {
            guard let entry else {
                versions.append([])
                continue
            }
            guard let lines = FileText(try await reader.content(of: entry)).lines else {
                return "<p>\(name) is no text.</p>\n\(whole)"
            }
            versions.append(lines)
        }
        guard let hunks = LineDiff.hunks(from: versions[0], to: versions[1]) else {
            return "<p>\(name) differs in too many lines to compare here.</p>\n\(whole)"
        }
        let blocks = hunks.map { hunk -> HTML in
            let lines = hunk.lines.map { line -> HTML in
                switch line.kind {
                case .same: "  \(line.text)\n"
                case .added: "<ins>+ \(line.text)</ins>\n"
                case .removed: "<del>- \(line.text)</del>\n"
                }
            }
            let head: HTML = "Lines from \(hunk.oldStart) before, from \(hunk.newStart) after"
            return "<h2 class=\"hunk\">\(head)</h2>\n<pre class=\"diff\">\(lines)</pre>\n"
        }
        let note: HTML? = hunks.isEmpty ? "<p>Laid out for reading, both versions are the same.</p>\n" : nil
        return "<p>\(name)</p>\n\(whole)\(note)\(blocks)"
    }
}
