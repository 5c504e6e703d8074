import Basics
import FileIO
import FoundationEssentials
import HTTPTypes
import Holdfast
import NIOCore
import Repository

extension Site {
    /// A directory or a file of a snapshot.
    /// - Parameters:
    ///   - path: as it stands in the address, encoded, without a slash in front.
    ///   - query: `at` names the snapshot, `page` the page of a long directory.
    func filesPage(_ id: String, path encoded: String, _ query: Query) async throws -> Page {
        let (health, reader) = try memory(id)
        guard var bytes = PercentEncoding.decode(encoded) else {
            throw PageError(.badRequest, "The address is not encoded as one must be.")
        }
        if bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        let snapshot = try await reader.snapshot(named: try query.snapshot("at") ?? "latest")
        let manifest = try await reader.manifest(of: snapshot)
        let place = FilePlace(id: id, snapshot: snapshot)
        let trail = [("Holdfast", "/"), ("\(health.repository) (\(health.agent))", Links.memory(id))]
        guard !bytes.isEmpty else {
            let listing = DirectoryListing(manifest.entries, in: nil)
            return Page(
                title: "Files of \(snapshot.shortID)", trail: trail,
                body: try await place.listing(listing, nil, page: query.number("page"), reader))
        }
        guard let path = RelativePath(bytes) else {
            throw PageError(.notFound, "No file can be called “\(printable(bytes))”.")
        }
        let above = [("Files of \(snapshot.shortID)", Links.files(id, at: snapshot))]
        let parents = path.ancestors.map { directory in
            (printable(directory.name), Links.files(id, at: snapshot, directory.bytes))
        }
        let body: HTML
        if let entry = manifest.entry(path) {
            body = try await place.file(entry, reader, wantsTables: query["tables"] != nil)
        } else {
            let listing = DirectoryListing(manifest.entries, in: path)
            guard !listing.isEmpty else {
                throw PageError(
                    .notFound, "Snapshot \(snapshot.shortID) has no file “\(path)”.",
                    "Another snapshot may have it; the memory's page lists them.")
            }
            body = try await place.listing(listing, path, page: query.number("page"), reader)
        }
        return Page(title: printable(path.name), trail: trail + above + parents, body: body)
    }
}

/// The files of one snapshot.
struct FilePlace {
    let id: String
    let snapshot: Snapshot

    /// Rows of one page.
    static let pageLength = 500

    /// The snapshot in words.
    private var origin: HTML {
        let time = snapshot.time.map(Markup.time) ?? "\(snapshot.commit.time)"
        return "<p>Snapshot <code>\(snapshot.shortID)</code> of \(time) UTC.</p>\n"
    }

    func listing(
        _ listing: DirectoryListing, _ directory: RelativePath?, page: UInt64?, _ reader: SnapshotReader
    ) async throws -> HTML {
        let pages = (listing.rows.count + Self.pageLength - 1) / Self.pageLength
        let number = min(Int(clamping: page ?? 1), max(1, pages))
        let shown = listing.rows.dropFirst((max(1, number) - 1) * Self.pageLength).prefix(Self.pageLength)
        let titles = await SessionTitles.read(shown.compactMap(\.entry), in: directory, reader)
        let rows = shown.map { row -> HTML in
            let title = row.entry.flatMap { titles[$0.path] }
            let under: HTML? = title.map { "<br><span class=\"session\">\($0)</span>" }
            let name = printable(row.path.name) + (row.entry == nil ? "/" : "")
            return """
                <tr><th scope="row" class="path"><a href="\(Links.files(id, at: snapshot, row.path.bytes))">\(name)</a>\
                \(under)</th><td class="number">\(Figures.bytes(row.bytes))</td>\
                <td class="number">\(row.entry == nil ? Figures.grouped(row.files) : "")</td>\
                <td class="wide nowrap">\(Self.time(row.modified))</td></tr>

                """
        }
        let heading = directory.map { printable($0.bytes) + "/" } ?? "Files"
        let turn: HTML? =
            pages > 1
            ? """
            <p class="more">Page \(number) of \(pages). \(pageLink(number - 1, pages, directory, "Previous")) \
            \(pageLink(number + 1, pages, directory, "Next"))</p>

            """ : nil
        return """
            <h1 class="path">\(heading)</h1>
            \(origin)<p>\(Figures.count(listing.files, "file")), \(Figures.bytes(listing.bytes)).</p>
            \(Markup.table("Content of \(heading)", [
                ("Name", ""), ("Size", "number"), ("Files", "number"), ("Changed (UTC)", "wide"),
            ], Array(rows)))\(turn)
            """
    }

    private func pageLink(_ number: Int, _ pages: Int, _ directory: RelativePath?, _ word: HTML) -> HTML? {
        guard (1...pages).contains(number) else { return nil }
        return "<a href=\"\(Links.files(id, at: snapshot, directory?.bytes ?? []))&page=\(number)\">\(word)</a>"
    }

    /// - Parameter nanoseconds: since 1970.
    static func time(_ nanoseconds: Int64) -> HTML {
        Markup.time(Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000_000)))
    }
}
