import Basics
import FoundationEssentials
import Repository

extension Site {
    /// One memory: its snapshots on a time line, what to compare, what went wrong.
    /// - Parameter before: show the snapshots below this number.
    func memoryPage(_ id: String, before: UInt64?, refreshing: Bool) async throws -> Page {
        let (health, reader) = try memory(id)
        let (now, address) = (now(), Links.memory(id))
        let snapshots: HTML
        do {
            let page = try await reader.page(before: before)
            let table = SnapshotTable(
                page: page, id: id, now: now, limit: nil, caption: "Snapshots of \(health.repository)")
            let damaged = page.damaged.map { damage -> HTML in "<p class=\"problem\">\(redact(damage.reason))</p>\n" }
            let heads: HTML? = page.heads > 1 ? "<p>\(page.heads) heads: the next save merges them.</p>\n" : nil
            let older: HTML? = page.older.map { "<a href=\"\(address)?before=\($0)\">Older snapshots</a>" }
            let newer: HTML? = page.isNewest ? nil : "<a href=\"\(address)\">Newest snapshots</a> "
            snapshots = """
                \(GrowthPlot(page.snapshots, until: page.isNewest ? now : nil).figure(id: "plot"))
                \(damaged)\(heads)\(DiffForm(id: id, snapshots: page.snapshots).markup)
                \(table.markup)
                <p class="more">\(newer)\(older)</p>

                """
        } catch {
            snapshots = problem(error, "The snapshots cannot be shown now.")
        }
        let body: HTML = """
            <div class="title"><h1>\(health.repository)</h1><p class="agent">\(health.agent)</p>\
            \(Self.badge(health, now: now))</div>
            \(Self.state(health, now: now))
            \(Self.figures(health, now: now))
            <section aria-labelledby="snapshots"><h2 id="snapshots">Snapshots</h2>
            \(snapshots)</section>
            <section aria-labelledby="errors"><h2 id="errors">Last errors</h2>
            \(errors(health, now: now))</section>
            <section aria-labelledby="places"><h2 id="places">Where it is</h2>
            \(Markup.facts([
                ("Store", "<code>\(redact(health.location))</code>"),
                ("Storage directory", "<code>\(health.storage)</code>"),
                ("Newest snapshot here", health.snapshot.map { "<code>\(String($0.prefix(12)))</code>" }),
                ("Ready if changes are saved within", "\(Figures.span(Double(health.readinessBound.components.seconds)))"),
            ]))</section>

            """
        return Page(
            title: "\(health.repository) (\(health.agent))", trail: [("Holdfast", "/")], body: body,
            refresh: before == nil ? Page.Refresh(address: address, isOn: refreshing) : nil)
    }

    private func errors(_ health: MemoryHealth, now: Date) -> HTML {
        guard !health.errors.isEmpty else { return "<p>None since the process began to watch.</p>\n" }
        let rows = health.errors.map { error -> HTML in
            """
            <tr><td class="nowrap">\(Markup.ago(error.time, now: now))</td><td><code>\(error.code.rawValue)</code></td>\
            <td>\(redact(error.message))</td></tr>

            """
        }
        return Markup.table(
            "The newest errors of \(health.repository)", [("When", ""), ("Code", ""), ("What happened", "")], rows)
    }
}
