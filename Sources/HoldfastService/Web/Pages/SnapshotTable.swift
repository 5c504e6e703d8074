import Basics
import FoundationEssentials
import Holdfast
import Repository

/// Snapshots as a table: what the plot shows, in figures, and the way to each of them.
struct SnapshotTable {
    let page: SnapshotPage
    let id: String
    let now: Date
    /// Show only so many; all if `nil`.
    let limit: Int?
    let caption: String

    var markup: HTML {
        guard !page.snapshots.isEmpty else { return "<p>No snapshot yet: the first change makes one.</p>\n" }
        let rows = page.snapshots.indices.prefix(limit ?? .max).map { row(at: $0) }
        return Markup.table(
            caption,
            [
                ("Snapshot", ""), ("When", ""), ("Time (UTC)", "wide"), ("Size", "number"), ("Change", "number"),
                ("New data", "number wide"), ("Files", "number wide"), ("Made by", "wide"),
            ], rows)
    }

    private func row(at index: Int) -> HTML {
        let snapshot = page.snapshots[index]
        let commit = snapshot.commit
        // The snapshot that it continues, if that is on the page.
        let parents = commit.parents.map(\.name)
        let before = page.snapshots[(index + 1)...].first { parents.contains($0.name) }
        let date = Date(iso8601: commit.time)
        let (ago, time): (HTML, HTML) =
            date.map { (Markup.ago($0, now: now), Markup.time($0)) } ?? ("\(commit.time)", "\(commit.time)")
        let change = before.map { before -> HTML in
            let bytes = Figures.change(commit.bytes - before.commit.bytes)
            return """
                <a href="\(Links.diff(id, from: before, to: snapshot))" aria-label="\(bytes): changes that \
                \(snapshot.shortID) made">\(bytes)</a>
                """
        }
        let note: HTML? = commit.note.map { " <small>\($0)</small>" }
        let run: HTML? = commit.run.map { " <small>run \($0.id ?? "-")</small>" }
        return """
            <tr><th scope="row"><a href="\(Links.files(id, at: snapshot))"><code>\(snapshot.shortID)</code></a></th>\
            <td class="nowrap">\(ago)</td><td class="wide nowrap">\(time)</td>\
            <td class="number">\(Figures.bytes(commit.bytes))</td><td class="number">\(change)</td>\
            <td class="number wide">\(Figures.bytes(commit.newBytes))</td>\
            <td class="number wide">\(Figures.grouped(commit.files))</td>\
            <td class="wide">\(commit.writer)\(run)\(note)</td></tr>

            """
    }
}

/// The choice of two snapshots to compare.
struct DiffForm {
    let id: String
    let snapshots: [Snapshot]
    var from: Snapshot?
    var to: Snapshot?

    /// Choices in one list.
    private static let mostChoices = 100

    var markup: HTML? {
        guard snapshots.count > 1 else { return nil }
        let (from, to) = (from ?? snapshots[1], to ?? snapshots[0])
        return """
            <form class="compare" action="\(Links.memory(id))/diff" method="get">
            <label>From <select name="from">\(options(from))</select></label>
            <label>to <select name="to">\(options(to))</select></label>
            <button>Compare</button>
            </form>

            """
    }

    private func options(_ chosen: Snapshot) -> [HTML] {
        let known = snapshots.contains { $0.id == chosen.id } ? snapshots : [chosen] + snapshots
        return known.prefix(Self.mostChoices).map { snapshot in
            let time = snapshot.time.map(Figures.time) ?? snapshot.commit.time
            let selected: HTML? = snapshot.id == chosen.id ? " selected" : nil
            return "<option value=\"\(snapshot.shortID)\"\(selected)>\(snapshot.shortID) · \(time)</option>"
        }
    }
}
