import Basics
import FileIO
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import ObjectStore
import Repository
import TestSupport
import Testing

@testable import AgentDatabase
@testable import HoldfastService

@Suite("The status page")
struct StatusPageTests {
    @Test("shows how a memory fares, and its snapshots")
    func overview() async throws {
        let fixture = StatusFixture()
        try await fixture.save(["session/p/ses_1.json": #"{"title":"one"}"#])
        let second = try await fixture.save(["session/p/ses_1.json": #"{"title":"two"}"#, "b": "x"])
        fixture.board.update("website") { health in
            health.lastSuccess = fixture.now.addingTimeInterval(-12)
            health.failuresSince = 0
            health.saves = 2
        }
        let page = try await fixture.page("/")
        #expect(page.text.contains("Last good save <time"))
        #expect(page.text.contains(">12 seconds ago</time>, none failed since. Nothing waits to be saved."))
        #expect(page.text.contains(second.shortID))
        #expect(page.text.contains("<svg"))
        #expect(page.text.contains("<meta http-equiv=\"refresh\" content=\"10\">"))
        #expect(try await !fixture.page("/?refresh=off").text.contains("http-equiv=\"refresh\""))
    }

    @Test("says what fails, and that it is not ready")
    func failing() async throws {
        let fixture = StatusFixture()
        fixture.board.update("website") { health in
            health.state = .retrying
            health.lastSuccess = fixture.now.addingTimeInterval(-300)
            health.oldestUnsavedChange = fixture.now.addingTimeInterval(-240)
            health.failuresSince = 3
            health.add(
                MemoryHealth.Failure(
                    time: fixture.now.addingTimeInterval(-20), code: .denied, message: "PutObject <b>was</b> refused"))
        }
        for address in ["/", "/memory/website"] {
            let page = try await fixture.page(address)
            #expect(page.text.contains("<strong class=\"bad\">3 failed since.</strong>"))
            #expect(page.text.contains("The oldest unsaved change is 4 min old."))
            #expect(page.text.contains("Not ready: a change has not been saved for 240 s"))
            #expect(page.text.contains("PutObject &lt;b&gt;was&lt;/b&gt; refused"))
            #expect(page.text.contains("retrying"))
            #expect(page.text.contains("No snapshot yet"))
        }
    }

    @Test("has a page for a memory without snapshots, and none for a memory that is not there")
    func empty() async throws {
        let fixture = StatusFixture()
        #expect(try await fixture.page("/memory/website").text.contains("No snapshot yet"))
        for address in ["/memory/other", "/memory/other/diff", "/memory/other/files", "/nothing", "/memory"] {
            _ = try await fixture.page(address, status: .notFound)
        }
        _ = try await fixture.page("/memory/website/diff", status: .notFound)
        _ = try await fixture.page("/memory/website/files", status: .notFound)
        _ = try await fixture.page("/memory/website/files?at=0123abcd", status: .notFound)
        _ = try await fixture.page("/memory/website/files?at=%3Cscript%3E", status: .notFound)
    }

    @Test("lists older snapshots on further pages")
    func older() async throws {
        let fixture = StatusFixture()
        for number in 0..<7 { try await fixture.save(["a": "\(number)"]) }
        var limits = SnapshotReader.Limits()
        limits.snapshots = 3
        let ids = fixture.snapshots.map(\.shortID)
        let first = try await fixture.page("/memory/website", limits: limits).text
        #expect(
            ids.map { first.contains("<code>\($0)</code></a></th>") } == [false, false, false, false, true, true, true])
        let link = try #require(first.firstMatch(of: /\/memory\/website\?before=\d+/)).output
        let second = try await fixture.page(String(link), limits: limits).text
        #expect(
            ids.map { second.contains("<code>\($0)</code></a></th>") } == [
                false, true, true, true, false, false, false,
            ])
        #expect(!second.contains("http-equiv=\"refresh\""))
        let last = try #require(second.firstMatch(of: /\/memory\/website\?before=\d+/)).output
        let third = try await fixture.page(String(last), limits: limits).text
        #expect(third.contains("<code>\(ids[0])</code></a></th>"))
        #expect(third.firstMatch(of: /before=\d+/) == nil)
    }

    @Test("compares two snapshots, file by file and line by line")
    func diff() async throws {
        let fixture = StatusFixture()
        let from = try await fixture.save(["gone": "1", "same": "2", "s/changed.json": #"{"a":1,"b":2}"#])
        let to = try await fixture.save(["new": "12345", "same": "2", "s/changed.json": #"{"a":1,"b":3}"#])
        let address = "/memory/website/diff?from=\(from.shortID)&to=\(to.shortID)"
        let page = try await fixture.page(address)
        #expect(page.text.contains("1 added, 1 changed, 1 removed: +4 B."))
        #expect(!page.text.contains(">same<"))
        // Without names, the newest and the one before it.
        #expect(try await fixture.page("/memory/website/diff").text.contains("1 added, 1 changed, 1 removed: +4 B."))
        #expect(page.text.contains("diff?from=\(from.shortID)&amp;to=\(to.shortID)&amp;path=s/changed.json"))
        let lines = try await fixture.page("\(address)&path=s/changed.json").text
        #expect(lines.contains("<del>-   &quot;b&quot;: 2</del>\n<ins>+   &quot;b&quot;: 3</ins>"))
        #expect(try await fixture.page("\(address)&path=same").text.contains("is the same in both"))
        #expect(try await fixture.page("\(address)&path=new").text.contains("<ins>+ 12345</ins>"))
        _ = try await fixture.page("\(address)&path=never", status: .notFound)
    }

    @Test("shows the files of a snapshot, with the titles of sessions")
    func files() async throws {
        let fixture = StatusFixture()
        let old = try await fixture.save(["session/p/ses_1.json": #"{"id":"ses_1","title":"Fix the <login>"}"#])
        try await fixture.save([
            "session/p/ses_1.json": #"{"id":"ses_1","title":"Renamed"}"#, "message/ses_1/msg_1.json": "{}",
        ])
        let root = try await fixture.page("/memory/website/files")
        #expect(root.text.contains(">session/</a>"))
        #expect(root.text.contains("2 files"))
        let sessions = try await fixture.page("/memory/website/files/session/p/?at=\(old.shortID)")
        #expect(sessions.text.contains("<span class=\"session\">Fix the &lt;login&gt;</span>"))
        let session = try await fixture.page("/memory/website/files/session/p/ses_1.json")
        #expect(session.text.contains("<h1 class=\"path\">Renamed</h1>"))
        #expect(session.text.contains("message/ses_1?at="))
        #expect(session.text.contains("holdfast cat --at"))
        _ = try await fixture.page("/memory/website/files/message/ses_1/?at=\(old.shortID)", status: .notFound)
    }

    @Test("shows of a large file only the start, and of a binary one its bytes")
    func large() async throws {
        let fixture = StatusFixture()
        let text = String(repeating: "0123456789abcdef\n", count: 1000)
        try await fixture.save([
            Array("large.txt".utf8): Array(text.utf8), Array("image.png".utf8): [0x89, 0x50, 0x4E, 0x47, 0, 255],
            Array("empty".utf8): [],
        ])
        var limits = SnapshotReader.Limits()
        limits.shownBytes = 1000
        let page = try await fixture.page("/memory/website/files/large.txt", limits: limits).text
        #expect(page.contains("Only the first 1.00 kB are shown."))
        #expect(page.utf8.count < 6000)
        #expect(try await fixture.page("/memory/website/files/image.png").text.contains("89 50 4e 47 00 ff"))
        _ = try await fixture.page("/memory/website/files/empty")
    }

    @Test("counts the rows of a database's tables, if it is asked to")
    func database() async throws {
        let fixture = StatusFixture()
        let image = try await withTemporaryDirectory { directory in
            let path = "\(directory.path)/opencode.db"
            let connection = try SQLiteConnection(path, .create)
            try connection.execute(
                """
                CREATE TABLE session (id); INSERT INTO session VALUES (1), (2); CREATE TABLE "<b>\n" (x);
                CREATE VIEW evil AS SELECT 1;
                """)
            return try File.open(path, .read).bytes()
        }
        try await fixture.save([Array("@data/opencode.db".utf8): image])
        let address = "/memory/website/files/@data/opencode.db"
        let page = try await fixture.page(address)
        #expect(page.text.contains("Count the rows of its tables"))
        let link = try #require(page.markup.found.compactMap(\.attributes["href"]).first { $0.hasSuffix("tables=1") })
        let tables = try await fixture.page(link.split(separator: "&amp;").joined(separator: "&"))
        #expect(tables.text.contains("<code>session</code></th><td class=\"number\">2</td>"))
        #expect(tables.text.contains("<code>&lt;b&gt;\\u{A}</code></th><td class=\"number\">0</td>"))
        #expect(!tables.text.contains("evil"))
        var limits = SnapshotReader.Limits()
        limits.databaseBytes = 10
        #expect(try await fixture.page("\(address)?tables=1", limits: limits).text.contains("too large to look into"))
    }

    @Test("shows hostile names and titles as text, and finds the files by them")
    func hostile() async throws {
        let names: [[UInt8]] = [
            Array("<script>alert(1)<".utf8), Array(#""><img src=x onerror=alert(1)>"#.utf8), Array("a\nb\r\n\t".utf8),
            Array("\u{202E}gnp.exe\u{2066}".utf8), [0xFF, 0xFE, 0x41], Array("a%2F..%2Fb".utf8),
            Array("?x=1&at=#".utf8),
            Array("' onmouseover='x".utf8), Array("javascript:alert(1)".utf8), Array("{{7*7}}${x}`".utf8),
        ]
        let fixture = StatusFixture()
        var files: [[UInt8]: [UInt8]] = [:]
        for (number, name) in names.enumerated() {
            let title = String(decoding: name, as: UTF8.self)
            let session = ["title": title, "</pre><script>": "</script>\u{2028}\u{0}"]
            files[Array("session/p/".utf8) + name] = Array(try JSONEncoder().encode(session))
            files[name] = Array("number \(number) <script>alert(1)</script>\u{202E}\u{1B}[31m".utf8)
        }
        try await fixture.save(["x": "y"])
        try await fixture.save(files, writer: #"<script>"'&"#)
        fixture.board.update("website") { health in
            health.state = .retrying
            for name in names {
                let text = String(decoding: name, as: UTF8.self)
                health.add(MemoryHealth.Failure(time: fixture.now, code: .failed, message: text))
            }
        }
        let addresses = [
            "/", "/memory/website", "/memory/website/diff", "/memory/website/files", "/memory/website/files/session/p",
        ]
        for address in addresses {
            // Strict reading finds any element or attribute that a page does not have by itself.
            let page = try await fixture.page(address)
            #expect(!page.text.contains("\u{202E}") && !page.text.contains("\u{1B}"))
        }
        for (number, name) in names.enumerated() {
            let page = try await fixture.page(
                "/memory/website/files/\(PercentEncoding.encode(name, keepingSlashes: true))")
            #expect(page.text.contains("number \(number) &lt;script&gt;"))
            _ = try await fixture.page(
                "/memory/website/files/session/p/\(PercentEncoding.encode(name, keepingSlashes: true))")
            _ = try await fixture.page(
                "/memory/\(PercentEncoding.encode(name, keepingSlashes: true))", status: .notFound)
            _ = try await fixture.page(
                "/memory/website/diff?path=\(PercentEncoding.encode(name, keepingSlashes: true))&from=latest")
        }
    }

    @Test(
        "finds nothing outside of a snapshot",
        arguments: [
            "..", "../..", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "x/../x", "x%00",
            "%00", ".", "./x", "x//y", "%ff%fe", "x/y/z", "session/..%2f..", "%2Fetc%2Fpasswd",
        ])
    func traversal(_ path: String) async throws {
        let fixture = StatusFixture()
        try await fixture.save(["x": "y", "session/a": "b"])
        _ = try await fixture.page("/memory/website/files/\(path)", status: .notFound)
    }

    @Test("refuses addresses that are not encoded as they must be", arguments: ["%", "%4", "x%zz"])
    func badEncoding(_ path: String) async throws {
        let fixture = StatusFixture()
        try await fixture.save(["x": "y"])
        _ = try await fixture.page("/memory/website/files/\(path)", status: .badRequest)
    }

    @Test("tells browsers what a page may do, also where there is none")
    func headers() async throws {
        let fixture = StatusFixture()
        try await fixture.save(["x": "y"])
        try await fixture.application().test(.router) { client in
            for uri in ["/", "/memory/website", "/nothing", "/metrics", "/healthz", "/style.css", "/memory/%/files"] {
                let headers = try await client.execute(uri: uri, method: .get).headers
                let (name, kind) = (HTTPField.Name("Content-Security-Policy"), HTTPField.Name("X-Content-Type-Options"))
                let policy = try #require(name.flatMap { headers[$0] })
                #expect(policy.hasPrefix("default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"))
                #expect(!policy.contains("unsafe") && !policy.contains("script"))
                #expect(kind.flatMap { headers[$0] } == "nosniff")
                #expect(HTTPField.Name("Referrer-Policy").flatMap { headers[$0] } == "no-referrer")
                #expect(headers[.cacheControl] == (uri == "/style.css" ? "private, max-age=86400" : "no-store"))
            }
        }
    }

    @Test("answers HEAD as GET without a body, and nothing else")
    func methods() async throws {
        let fixture = StatusFixture()
        try await fixture.application().test(.router) { client in
            for uri in ["/", "/memory/website", "/metrics", "/healthz"] {
                let head = try await client.execute(uri: uri, method: .head)
                #expect(head.status == .ok)
                #expect(head.body.readableBytes == 0)
                for method in [HTTPRequest.Method.post, .put, .delete, .patch] {
                    let refused = try await client.execute(uri: uri, method: method, body: ByteBuffer(string: "x=1"))
                    #expect(refused.status == .methodNotAllowed)
                    #expect(refused.headers[.allow] == "GET, HEAD")
                }
            }
        }
    }

    @Test("asks for the token where one is set, except for whether it lives")
    func token() async throws {
        let fixture = StatusFixture()
        fixture.board.update("website") { $0.oldestUnsavedChange = fixture.now.addingTimeInterval(-100) }
        let token = try AccessToken("correct-horse-battery-staple")
        try await fixture.application(token: token, address: "0.0.0.0:0").test(.router) { client in
            for uri in ["/", "/metrics", "/memory/website", "/style.css", "/nothing"] {
                let refused = try await client.execute(uri: uri, method: .get)
                #expect(refused.status == .unauthorized)
                #expect(refused.headers[.wwwAuthenticate]?.hasPrefix("Basic realm=") == true)
                #expect(!String(buffer: refused.body).contains("website"))
            }
            #expect(try await client.execute(uri: "/healthz", method: .get).status == .ok)
            let short = try await client.execute(uri: "/readyz", method: .get)
            #expect(short.status == .serviceUnavailable)
            #expect(String(buffer: short.body) == "not ready\n")
            let shown: HTTPFields = [.authorization: "Bearer correct-horse-battery-staple"]
            #expect(try await client.execute(uri: "/", method: .get, headers: shown).status == .ok)
            let long = try await client.execute(uri: "/readyz", method: .get, headers: shown)
            #expect(String(buffer: long.body).hasPrefix("website: a change has not been saved for 100 s"))
        }
    }

    @Test(
        "is ready once everything is restored and saved within the bound",
        arguments: [
            (MemoryHealth.State.starting, 0.0, 503), (.restoring, 0, 503), (.idle, 0, 200), (.idle, 60, 200),
            (.saving, 61, 503), (.retrying, 10, 200), (.retrying, 90, 503), (.stopped, 0, 503),
        ])
    func readiness(_ state: MemoryHealth.State, lag: Double, status: Int) async throws {
        let fixture = StatusFixture()
        fixture.board.update("website") { health in
            health.state = state
            if lag > 0 { health.oldestUnsavedChange = fixture.now.addingTimeInterval(-lag) }
        }
        try await fixture.application().test(.router) { client in
            let response = try await client.execute(uri: "/readyz", method: .get)
            #expect(response.status.code == status)
            #expect((String(buffer: response.body) == "ready\n") == (status == 200))
        }
    }

    @Test("shows health although the store does not answer, and takes credentials out of what it says")
    func storeFails() async throws {
        let fixture = StatusFixture(FailingStore(message: "the key AKIASECRET was refused"))
        fixture.board.update("website") { health in
            health.add(MemoryHealth.Failure(time: fixture.now, code: .denied, message: "AKIASECRET is wrong"))
        }
        let app = try fixture.application { $0.split(separator: "AKIASECRET").joined(separator: "***") }
        try await app.test(.router) { client in
            for uri in ["/", "/memory/website", "/memory/website/files"] {
                let response = try await client.execute(uri: uri, method: .get)
                let text = String(buffer: response.body)
                #expect(response.status == (uri.hasSuffix("files") ? .badGateway : .ok))
                #expect(text.contains("was refused"))
                #expect(!text.contains("AKIASECRET"))
                try MarkupCheck.check(page: text)
            }
        }
    }

    @Test("reads the store again only after a while")
    func caching() async throws {
        let meter = TransferMeter()
        let fixture = StatusFixture(MemoryObjectStore(meter: meter))
        for number in 0..<5 { try await fixture.save(["a": "\(number)"]) }
        try await fixture.application().test(.router) { client in
            _ = try await client.execute(uri: "/memory/website", method: .get)
            let before = meter.now.requests
            for uri in ["/", "/memory/website", "/", "/memory/website"] {
                #expect(try await client.execute(uri: uri, method: .get).status == .ok)
            }
            #expect(meter.now.requests == before)
        }
        var limits = SnapshotReader.Limits()
        limits.listingAge = .zero
        try await fixture.application(limits: limits).test(.router) { client in
            _ = try await client.execute(uri: "/", method: .get)
            let before = meter.now.requests
            _ = try await client.execute(uri: "/", method: .get)
            // One listing: commits that are known under the same tag are not fetched again.
            #expect(meter.now.requests == before + 1)
        }
    }
}

/// A store that refuses everything.
private struct FailingStore: ObjectStore {
    let message: String
    let capabilities = MemoryObjectStore(meter: TransferMeter()).capabilities
    let location = "test://failing"

    private func error(_ operation: String) -> StoreError {
        StoreError(.denied, operation, message)
    }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        throw error("read")
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { throw error("read") }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        throw error("write")
    }
    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        throw error("list")
    }
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { throw error("delete") }
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool { throw error("read") }
}
