import Basics
import FoundationEssentials
import Repository

extension Site {
    /// Every memory: is it saved, how does it grow, what went wrong.
    func overview(refreshing: Bool) async -> Page {
        var sections: HTML = ""
        for shown in memories {
            guard let health = board[shown.id] else { continue }
            sections += await section(health, shown.reader)
        }
        let all = board.memories
        let late = all.count { $0.unreadiness(at: now()) != nil }
        let summary =
            all.isEmpty
            ? "No memory is watched."
            : late == 0
                ? "All memories are in the store within their bounds."
                : "\(late) of \(all.count) watched memories not in the store within the bound."
        let body: HTML = "<h1 class=\"unseen\">Overview</h1>\n<p class=\"unseen\">\(summary)</p>\n\(sections)"
        return Page(title: "Overview", body: body, refresh: Page.Refresh(address: "/", isOn: refreshing))
    }

    private func section(_ health: MemoryHealth, _ reader: SnapshotReader) async -> HTML {
        let (now, address) = (now(), Links.memory(health.id))
        let snapshots: HTML
        do {
            let page = try await reader.page()
            let newest = SnapshotTable(
                page: page, id: health.id, now: now, limit: 5, caption: "Newest snapshots of \(health.repository)")
            let all: HTML? =
                page.total > 0
                ? """
                <p class="more"><a href="\(address)">All \(Figures.count(page.total, "snapshot")) of \(health.repository), \
                to look into and compare</a></p>

                """ : nil
            snapshots = """
                \(GrowthPlot(page.snapshots, until: now).figure(id: "plot-\(health.id)"))
                \(newest.markup)
                \(all)
                """
        } catch {
            snapshots = problem(error, "The snapshots cannot be shown now.")
        }
        return """
            <section aria-labelledby="memory-\(health.id)">
            <div class="title"><h2 id="memory-\(health.id)"><a href="\(address)">\(health.repository)</a></h2>
            <p class="agent">\(health.agent)</p>\(Self.badge(health, now: now))</div>
            \(Self.state(health, now: now))
            \(Self.figures(health, now: now))
            \(snapshots)
            </section>

            """
    }

    /// What kept a part of a page from being shown.
    func problem(_ error: any Error, _ what: String) -> HTML {
        let error = PageError(error, redact: redact)
        return "<p class=\"problem\">\(what) \(error.problem) \(error.hint ?? "")</p>\n"
    }

    /// The state in one word.
    static func badge(_ health: MemoryHealth, now: Date) -> HTML {
        let (kind, word): (HTML, HTML) =
            switch health.state {
            case .starting: ("busy", "starting")
            case .restoring: ("busy", "restoring")
            case .saving: ("busy", "saving")
            case .retrying: ("bad", "retrying")
            case .stopped: ("bad", "stopped")
            case .idle where health.unreadiness(at: now) != nil: ("bad", "late")
            case .idle where health.oldestUnsavedChange != nil: ("busy", "changed")
            case .idle: ("good", "saved")
            }
        return "<p class=\"badge \(kind)\">\(word)</p>"
    }

    /// `Last good save 12 s ago, none failed since.`
    static func state(_ health: MemoryHealth, now: Date) -> HTML {
        let last: HTML = health.lastSuccess.map { "Last good save \(Markup.ago($0, now: now))" } ?? "No good save yet"
        let failed: HTML =
            health.failuresSince == 0
            ? "none failed since." : "<strong class=\"bad\">\(health.failuresSince) failed since.</strong>"
        let lag = health.lag(at: now)
        let waiting: HTML =
            lag > 0 ? " The oldest unsaved change is \(Figures.span(lag)) old." : " Nothing waits to be saved."
        let reason: HTML? = health.unreadiness(at: now).map { "<p class=\"problem\">Not ready: \($0).</p>\n" }
        return "<p class=\"state\">\(last), \(failed)\(waiting)</p>\n\(reason)"
    }

    static func figures(_ health: MemoryHealth, now: Date) -> HTML {
        let lag = health.lag(at: now)
        let failures = health.failuresByReason.values.reduce(0, +)
        return Markup.facts(
            [
                ("Lag", lag > 0 ? "\(Figures.span(lag))" : "none"),
                ("Waiting", "\(Figures.grouped(health.pendingChanges))"),
                ("Last save took", health.lastSaveSeconds.map { "\(Figures.span($0))" } ?? "–"),
                ("Saves", "\(Figures.grouped(health.saves))"), ("Failures", "\(Figures.grouped(failures))"),
                ("Requests", "\(Figures.grouped(health.requests))"),
                ("Files", "\(Figures.grouped(health.files))"), ("Size", "\(Figures.bytes(health.totalBytes))"),
                ("Databases", "\(Figures.bytes(health.databaseBytes))"),
                ("Their logs", "\(Figures.bytes(health.walBytes))"), ("Sent", "\(Figures.bytes(health.bytesSent))"),
                ("Received", "\(Figures.bytes(health.bytesReceived))"),
            ], "figures")
    }
}
