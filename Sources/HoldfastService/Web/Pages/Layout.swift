import Basics
import FoundationEssentials
import HTTPTypes

/// One page, before it gets its frame.
struct Page {
    var title: String
    /// From the overview to the page, without the page itself.
    var trail: [(name: String, address: String)] = []
    var body: HTML
    /// Where the page is, if it may load itself anew.
    var refresh: Refresh?

    /// A page that loads itself anew, and the way to stop that.
    struct Refresh {
        /// The page without a query.
        let address: String
        let isOn: Bool
        static let seconds = 10
    }
}

extension Site {
    /// The page in its frame: head, navigation, main part, foot.
    func framed(_ page: Page) -> HTML {
        let refreshing: HTML? =
            page.refresh?.isOn == true ? "<meta http-equiv=\"refresh\" content=\"\(Page.Refresh.seconds)\">\n" : nil
        let now = now()
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            \(refreshing)<title>\(page.title) · Holdfast</title>
            <link rel="stylesheet" href="/style.css?v=\(Stylesheet.version)">
            <link rel="icon" href="/icon.svg" type="image/svg+xml">
            </head>
            <body>
            <a class="skip" href="#main">Skip to the content</a>
            <header>
            <nav aria-label="Where you are"><ol>\(trail(page))</ol></nav>
            \(switcher(page.refresh))
            </header>
            <main id="main" tabindex="-1">
            \(page.body)
            </main>
            <footer><p>Holdfast \(version), watching for \(Figures.span(now.timeIntervalSince(board.started).rounded())). \
            This page: \(Markup.time(now)) UTC.</p>
            <p><a href="/metrics">Metrics</a> <a href="/readyz">Readiness</a> <a href="/healthz">Health</a></p></footer>
            </body>
            </html>

            """
    }

    private func trail(_ page: Page) -> HTML {
        let steps = page.trail.map { step -> HTML in "<li><a href=\"\(step.address)\">\(step.name)</a></li>" }
        let isRoot = page.trail.isEmpty
        return "\(steps)<li><span aria-current=\"page\">\(isRoot ? "Holdfast" : page.title)</span></li>"
    }

    private func switcher(_ refresh: Page.Refresh?) -> HTML? {
        guard let refresh else { return nil }
        return refresh.isOn
            ? "<p class=\"refresh\">Refreshes every \(Page.Refresh.seconds) s. <a href=\"\(refresh.address)?refresh=off\">Pause</a></p>"
            : "<p class=\"refresh\">Paused. <a href=\"\(refresh.address)\">Refresh every \(Page.Refresh.seconds) s</a></p>"
    }

    /// The page that says why there is none.
    func errorPage(_ error: PageError) -> HTML {
        let hint: HTML? = error.hint.map { "<p>\($0)</p>" }
        return framed(
            Page(
                title: "\(error.status.code) \(error.status.reasonPhrase)", trail: [("Holdfast", "/")],
                body: "<h1>\(error.status.reasonPhrase)</h1>\n<p class=\"problem\">\(error.problem)</p>\n\(hint)"))
    }
}

/// Small pieces that pages share.
enum Markup {
    static func time(_ date: Date) -> HTML {
        "<time datetime=\"\(date.formatted(.iso8601))\">\(Figures.time(date))</time>"
    }

    /// How long ago a time was; the time itself is its title.
    static func ago(_ date: Date, now: Date) -> HTML {
        """
        <time datetime="\(date.formatted(.iso8601))" title="\(Figures.time(date)) UTC">\
        \(Figures.ago(now.timeIntervalSince(date)))</time>
        """
    }

    /// A list of names with their values. What has no value is left out.
    static func facts(_ facts: [(name: String, value: HTML?)], _ kind: HTML = "facts") -> HTML {
        let rows = facts.compactMap { fact in
            fact.value.map { value -> HTML in "<div><dt>\(fact.name)</dt><dd>\(value)</dd></div>" }
        }
        return "<dl class=\"\(kind)\">\(rows)</dl>\n"
    }

    /// A table that scrolls by itself where the window is too narrow for it.
    static func table(_ caption: String, _ heads: [(name: String, kind: HTML)], _ rows: [HTML]) -> HTML {
        let heads = heads.map { head -> HTML in "<th scope=\"col\" class=\"\(head.kind)\">\(head.name)</th>" }
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="\(caption)"><table>
            <caption>\(caption)</caption>
            <thead><tr>\(heads)</tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }
}
