import FileIO
import NIOCore

/// How the pages look. Colours have a contrast of at least 4.5 to 1 to what they stand on, in the light and in the dark.
enum Stylesheet {
    /// Changes with the content, so that browsers may keep it.
    static let version = String(Digest(of: ByteBuffer(string: text)).hexadecimal.prefix(12))

    /// The mark in the browser's tab.
    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0b5394"/>\
        <path d="M8 3v6M8 9c0 2-2 2-3 4M8 9c0 2 2 2 3 4M8 9v4" fill="none" stroke="#fff" stroke-width="1.5" \
        stroke-linecap="round"/></svg>
        """

    static let text = """
        :root {
          color-scheme: light dark;
          --ground: #ffffff; --raised: #f5f6f7; --text: #1b1f23; --muted: #57606a; --edge: #d5d9de;
          --link: #0b5394; --good: #1a6b33; --busy: #7a4d00; --bad: #b3211b;
          --good-ground: #e6f4ea; --busy-ground: #fdf1da; --bad-ground: #fdeaea; --area: #dbe7f3;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #15181b; --raised: #1e2226; --text: #e3e6e8; --muted: #a0a9b2; --edge: #343a41;
            --link: #85b8ee; --good: #7dcf95; --busy: #e2b55c; --bad: #ff9289;
            --good-ground: #17301f; --busy-ground: #352a12; --bad-ground: #3d1d1b; --area: #1f3144;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
        body {
          margin: 0 auto; padding: 0 1.25rem 1rem; max-width: 70rem; background: var(--ground); color: var(--text);
          font: 0.9375rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
        }
        code, pre, .hunk { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        code, pre { font-size: 0.8125rem; }
        a { color: var(--link); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
        a:hover { text-decoration-thickness: 2px; }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
        main:focus { outline: none; }
        h1, h2 { line-height: 1.25; margin: 0; font-weight: 600; }
        h1 { font-size: 1.375rem; }
        h2 { font-size: 1.125rem; }
        p { margin: 0.375rem 0; }
        small { font-size: inherit; color: var(--muted); }
        .skip { position: absolute; left: -100vw; padding: 0.5rem 0.75rem; background: var(--ground); z-index: 1; }
        .skip:focus { left: 0.5rem; top: 0.5rem; }
        .unseen {
          position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
        }
        header {
          display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1.5rem;
          padding: 0.625rem 0; margin-bottom: 1.25rem; border-bottom: 1px solid var(--edge);
        }
        nav ol { display: flex; flex-wrap: wrap; margin: 0; padding: 0; list-style: none; }
        nav li { overflow-wrap: anywhere; }
        nav li + li::before { content: "/"; padding: 0 0.5rem; color: var(--muted); }
        nav span { font-weight: 600; }
        .refresh, footer { color: var(--muted); font-size: 0.8125rem; }
        .refresh { margin: 0; }
        section { margin: 0 0 2.25rem; }
        main > section > h2 { margin-bottom: 0.5rem; }
        .title { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.75rem; }
        .title p { margin: 0; }
        .title h1, .title h2 { overflow-wrap: anywhere; }
        .agent { color: var(--muted); }
        .badge { padding: 0 0.5rem; border-radius: 0.25rem; font-size: 0.8125rem; font-weight: 600; }
        .good { color: var(--good); } .busy { color: var(--busy); } .bad { color: var(--bad); }
        .badge.good { background: var(--good-ground); }
        .badge.busy { background: var(--busy-ground); }
        .badge.bad { background: var(--bad-ground); }
        .problem {
          padding: 0.5rem 0.75rem; border-left: 3px solid var(--bad); background: var(--bad-ground); overflow-wrap: anywhere;
        }
        dl { margin: 0.75rem 0 1rem; }
        dt { color: var(--muted); font-size: 0.8125rem; }
        dd { margin: 0; font-variant-numeric: tabular-nums; }
        .figures {
          display: grid; grid-template-columns: repeat(6, 1fr); gap: 0.625rem 1rem;
          padding: 0.75rem 0; border-top: 1px solid var(--edge); border-bottom: 1px solid var(--edge);
        }
        .figures dd { font-size: 1.0625rem; }
        .facts div { display: grid; grid-template-columns: 11rem 1fr; gap: 0 1rem; padding: 0.1875rem 0; }
        .facts dt { font-size: inherit; }
        .path { overflow-wrap: anywhere; }
        figure { margin: 0 0 1rem; }
        figcaption { color: var(--muted); font-size: 0.8125rem; }
        svg { display: block; width: 100%; height: auto; }
        svg.narrow { display: none; }
        svg text { fill: var(--muted); font-size: 11px; font-variant-numeric: tabular-nums; }
        svg .y { text-anchor: end; }
        svg .grid { stroke: var(--edge); fill: none; }
        svg .area { fill: var(--area); }
        svg .line { stroke: var(--link); stroke-width: 1.5; fill: none; stroke-linejoin: round; }
        svg .bar { stroke: var(--link); stroke-width: 3; }
        svg .dot { fill: var(--link); }
        .scroll { overflow-x: auto; margin: 0.5rem 0; }
        table { border-collapse: collapse; width: 100%; }
        caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        th, td { padding: 0.3125rem 0.75rem 0.3125rem 0; text-align: left; vertical-align: top; }
        th { font-weight: inherit; }
        thead th { color: var(--muted); font-size: 0.8125rem; white-space: nowrap; vertical-align: bottom; }
        tbody tr { border-top: 1px solid var(--edge); }
        tbody tr:hover { background: var(--raised); }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .nowrap { white-space: nowrap; }
        .number + :not(.number) { padding-left: 0.75rem; }
        th:last-child, td:last-child { padding-right: 0; }
        .session { color: var(--muted); }
        .compare { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; margin: 0.75rem 0; }
        .compare label { display: flex; align-items: center; gap: 0.5rem; min-width: 0; }
        select, button {
          min-height: 2rem; padding: 0.125rem 0.5rem; font: inherit; font-size: 0.875rem; color: var(--text);
          background: var(--raised); border: 1px solid var(--muted); border-radius: 0.25rem; max-width: 100%;
        }
        pre {
          margin: 0.75rem 0; padding: 0.75rem; background: var(--raised); border: 1px solid var(--edge);
          white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4;
        }
        .json b { font-weight: 600; } .json i { font-style: normal; color: var(--busy); }
        .json span { color: var(--good); } .json u { text-decoration: none; color: var(--muted); }
        .hunk { font-size: 0.8125rem; font-weight: 400; color: var(--muted); margin-top: 1rem; }
        .diff { margin-top: 0.25rem; padding: 0.5rem 0; }
        .diff ins, .diff del { display: inline-block; width: 100%; text-decoration: none; }
        .diff ins { background: var(--good-ground); color: var(--good); }
        .diff del { background: var(--bad-ground); color: var(--bad); }
        footer {
          display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1.5rem; border-top: 1px solid var(--edge);
          padding-top: 0.5rem;
        }
        footer a { margin-right: 0.75rem; }
        @media (max-width: 44rem) {
          body { padding: 0 0.875rem 1rem; }
          .wide { display: none; }
          svg.broad { display: none; }
          svg.narrow { display: block; }
          .figures { grid-template-columns: repeat(3, 1fr); gap: 0.5rem; }
          .figures dd { font-size: 1rem; }
          .facts div { grid-template-columns: 1fr; }
          .compare select { width: 100%; }
          .compare label { flex: 1 1 100%; }
        }
        @media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
        """
}
