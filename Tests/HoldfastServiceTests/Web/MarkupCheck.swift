import Testing

/// Reads markup strictly: what it accepts has nothing in it that a page does not put there itself.
struct MarkupCheck {
    private static let void: Set<String> = ["meta", "link", "br"]
    private static let elements: Set<String> = [
        "html", "head", "meta", "title", "link", "body", "a", "header", "nav", "ol", "li", "span", "p", "main",
        "footer",
        "section", "div", "h1", "h2", "dl", "dt", "dd", "small", "strong", "time", "code", "table", "caption", "thead",
        "tbody", "tr", "th", "td", "figure", "figcaption", "svg", "desc", "path", "text", "g", "circle", "form",
        "label",
        "select", "option", "button", "pre", "b", "i", "u", "ins", "del", "br",
    ]
    private static let attributes: Set<String> = [
        "lang", "charset", "name", "content", "http-equiv", "rel", "href", "type", "class", "id", "tabindex", "title",
        "datetime", "scope", "role", "viewBox", "d", "x", "y", "cx", "cy", "r", "text-anchor", "action", "method",
        "value",
        "selected", "aria-label", "aria-labelledby", "aria-current",
    ]

    struct Problem: Error { let description: String }

    /// Each element with its attributes, in the order of the text.
    private(set) var found: [(name: String, attributes: [String: String])] = []
    /// The text between the tags, with what was escaped in it as it was.
    private(set) var text = ""

    /// Checks a whole page.
    /// - Returns: what is in it.
    @discardableResult
    static func check(page: String) throws -> MarkupCheck {
        let start = "<!DOCTYPE html>\n"
        guard page.hasPrefix(start) else { throw Problem(description: "no document type") }
        let page = try check(fragment: String(page.dropFirst(start.count)))
        for (name, count) in ["html": 1, "head": 1, "main": 1, "title": nil, "h1": 1, "header": 1, "footer": 1] {
            let number = page.found.count { $0.name == name }
            guard number == count ?? max(1, number) else { throw Problem(description: "\(number) of \(name)") }
        }
        guard page.found.first?.attributes["lang"] == "en" else { throw Problem(description: "no language") }
        return page
    }

    /// Checks a part of a page.
    @discardableResult
    static func check(fragment: String) throws -> MarkupCheck {
        var check = MarkupCheck()
        try check.read(fragment)
        try check.checkNames()
        return check
    }

    private mutating func read(_ markup: String) throws {
        var open: [String] = []
        var rest = markup[...]
        while let start = rest.firstIndex(of: "<") {
            text += rest[..<start]
            guard let end = rest[start...].firstIndex(of: ">") else { throw Problem(description: "an open tag") }
            var tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.first == "/" {
                guard open.popLast() == String(tag.dropFirst()) else { throw Problem(description: "</\(tag)> \(open)") }
                continue
            }
            let isClosed = tag.last == "/"
            if isClosed { tag = tag.dropLast() }
            let name = String(tag.prefix { $0 != " " })
            guard Self.elements.contains(name) else { throw Problem(description: "<\(tag)>") }
            found.append((name, try attributes(tag.dropFirst(name.count))))
            if !isClosed, !Self.void.contains(name) { open.append(name) }
        }
        text += rest
        guard open.isEmpty else { throw Problem(description: "not closed: \(open)") }
        guard !text.contains(">"), !text.contains("\"") else { throw Problem(description: "text that is not escaped") }
    }

    private func attributes(_ text: Substring) throws -> [String: String] {
        var found: [String: String] = [:]
        var rest = text
        while rest.first == " " {
            rest = rest.dropFirst()
            let name = String(rest.prefix { $0 != "=" && $0 != " " })
            rest = rest.dropFirst(name.count)
            var value = ""
            if rest.hasPrefix("=\"") {
                rest = rest.dropFirst(2)
                value = String(rest.prefix { $0 != "\"" })
                rest = rest.dropFirst(value.count + 1)
            }
            guard Self.attributes.contains(name), found[name] == nil else {
                throw Problem(description: "the attribute '\(name)' in '\(text)'")
            }
            found[name] = value
        }
        guard rest.isEmpty else { throw Problem(description: "'\(rest)' in '\(text)'") }
        return found
    }

    /// Names that are used twice or lead nowhere, links to other places, heads of tables without a scope, choices without a
    /// label.
    private func checkNames() throws {
        var ids: Set<String> = []
        for element in found {
            if let id = element.attributes["id"], !ids.insert(id).inserted {
                throw Problem(description: "twice: \(id)")
            }
            for link in [element.attributes["href"], element.attributes["action"]].compactMap(\.self) {
                guard link.hasPrefix("/") && !link.hasPrefix("//") || link == "#main" else {
                    throw Problem(description: "a link to '\(link)'")
                }
            }
            if element.name == "th", element.attributes["scope"] == nil { throw Problem(description: "no scope") }
        }
        for element in found {
            for id in (element.attributes["aria-labelledby"] ?? "").split(separator: " ")
            where !ids.contains(String(id)) {
                throw Problem(description: "no element has the id '\(id)'")
            }
        }
        let labels = found.indices.filter { found[$0].name == "label" }
        for index in found.indices where found[index].name == "select" {
            guard labels.contains(index - 1) else { throw Problem(description: "a choice without a label") }
        }
    }
}
