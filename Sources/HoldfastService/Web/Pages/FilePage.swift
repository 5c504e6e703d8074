import AgentDatabase
import Basics
import FileIO
import NIOCore
import Repository

extension FilePlace {
    /// Bytes of a binary file that are shown.
    private static let dumpedBytes = 4096

    /// One file: what is known of it, and what is in it.
    func file(_ entry: Entry, _ reader: SnapshotReader, wantsTables: Bool) async throws -> HTML {
        let content = try await reader.content(of: entry)
        let isWhole = Int64(content.readableBytes) == entry.size
        let text = FileText(content)
        let shown: HTML
        switch text {
        case .json(let json): shown = "<pre class=\"json\" tabindex=\"0\">\(json.markup)</pre>\n"
        case .text(let text): shown = "<pre tabindex=\"0\">\(HTML(text: text, keepingLines: true))</pre>\n"
        case .database: shown = try await database(entry, reader, wantsTables: wantsTables)
        case .binary:
            let lines = HexDump.lines(content, limit: Self.dumpedBytes).joined(separator: "\n")
            let size = min(Int64(Self.dumpedBytes), entry.size)
            let start: HTML = "The first \(Figures.bytes(size)) of \(Figures.bytes(entry.size))"
            shown = """
                <p>Binary: no text in UTF-8. \(start):</p>
                <pre tabindex="0">\(HTML(text: lines, keepingLines: true))</pre>

                """
        }
        var cut: HTML?
        switch text {
        case .text where !isWhole, .json where !isWhole:
            cut = "<p>Only the first \(Figures.bytes(Int64(content.readableBytes))) are shown.</p>\n"
        default: break
        }
        return """
            <h1 class="path">\(SessionTitles.title(of: content) ?? printable(entry.path.name))</h1>
            \(facts(entry))\(related(to: entry.path))\(cut)\(shown)
            """
    }

    private func facts(_ entry: Entry) -> HTML {
        let command = "holdfast cat --at \(snapshot.shortID) \(Self.quoted(entry.path))"
        return Markup.facts([
            ("Path", "<code class=\"path\">\(entry.path.description)</code>"),
            ("Size", "\(Figures.bytes(entry.size))"), ("Changed (UTC)", Self.time(entry.modified)),
            ("Snapshot", "<code>\(snapshot.shortID)</code>"),
            ("SHA-256", "<code class=\"path\">\(entry.digest.hexadecimal)</code>"),
            ("To get it", entry.path.utf8String == nil ? nil : "<code class=\"path\">\(command)</code>"),
        ])
    }

    /// A path as a shell takes it.
    private static func quoted(_ path: RelativePath) -> String {
        let text = path.utf8String ?? ""
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// Where OpenCode keeps what belongs to a session or a message.
    private func related(to path: RelativePath) -> HTML? {
        let parts = path.components.map { String(decoding: $0, as: UTF8.self) }
        guard let kind = parts.first, let name = parts.last, name.hasSuffix(".json") else { return nil }
        let owner = name.dropLast(".json".count)
        let links: [(words: HTML, path: String)] =
            switch kind {
            case "session": [("Messages of this session", "message/\(owner)")]
            case "message": [("Parts of this message", "part/\(owner)")]
            default: []
            }
        let shown = links.map { link -> HTML in
            "<a href=\"\(Links.files(id, at: snapshot, link.path.utf8))\">\(link.words)</a>"
        }
        return shown.isEmpty ? nil : "<p>\(shown)</p>\n"
    }

    /// A database is fetched only if its reader wants that: it may be large.
    private func database(_ entry: Entry, _ reader: SnapshotReader, wantsTables: Bool) async throws -> HTML {
        let size = Figures.bytes(entry.size)
        guard entry.size <= reader.limits.databaseBytes else {
            return "<p>An SQLite database of \(size), too large to look into here.</p>\n"
        }
        guard wantsTables else {
            return """
                <p>An SQLite database. <a href="\(Links.files(id, at: snapshot, entry.path.bytes))&tables=1">Count the \
                rows of its tables</a>: that fetches \(size) from the store.</p>

                """
        }
        let tables = try await reader.tables(of: entry)
        let rows = tables.map { table -> HTML in
            let count = Figures.grouped(table.rows) + (table.rows >= DatabaseTables.mostRows ? " or more" : "")
            return "<tr><th scope=\"row\"><code>\(table.name)</code></th><td class=\"number\">\(count)</td></tr>\n"
        }
        return Markup.table("Tables of the database", [("Table", ""), ("Rows", "number")], rows)
    }
}
