import HTTPTypes
import Hummingbird
import NIOCore

/// Which address shows what. All of it is for reading.
struct StatusRoutes: Sendable {
    let site: Site
    let rules: AccessRules
    let registry: MetricsRegistry
    let metrics: HealthMetrics

    /// The pages that are counted apart, by the pattern of their address.
    static let names: Set<String> = [
        "/", "/healthz", "/readyz", "/metrics", "/style.css", "/icon.svg", "/memory/{id}", "/memory/{id}/diff",
        "/memory/{id}/files/**",
    ]

    func add(to router: Router<some RequestContext>) {
        router.get("/healthz") { _, _ in Response.text(.ok, "ok\n") }
        router.get("/readyz") { request, _ in readiness(AccessRules.Request(request)) }
        router.get("/metrics") { _, _ in
            await metrics.record(site.board, at: site.now())
            return Response.text(.ok, registry.render(), type: MetricsText.contentType)
        }
        router.get("/style.css") { _, _ in Self.kept(Stylesheet.text, "text/css; charset=utf-8") }
        router.get("/icon.svg") { _, _ in Self.kept(Stylesheet.icon, "image/svg+xml") }
        router.get("/") { request, _ in
            Response.html(site.framed(await site.overview(refreshing: Self.isRefreshing(request))))
        }
        router.get("/memory/:id") { request, context in
            let page = try await site.memoryPage(
                try Self.id(context), before: Query(request.uri.query).number("before"),
                refreshing: Self.isRefreshing(request))
            return Response.html(site.framed(page))
        }
        router.get("/memory/:id/diff") { request, context in
            Response.html(site.framed(try await site.diffPage(try Self.id(context), Query(request.uri.query))))
        }
        for pattern: RouterPath in ["/memory/:id/files", "/memory/:id/files/**"] {
            router.get(pattern) { request, context in
                // As it was sent: names of files need not be text, and a decoded one is not the same address.
                let parts = request.uri.path.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: true)
                let page = try await site.filesPage(
                    try Self.id(context), path: parts.count > 3 ? String(parts[3]) : "", Query(request.uri.query))
                return Response.html(site.framed(page))
            }
        }
    }

    private func readiness(_ request: AccessRules.Request) -> Response {
        let late = site.board.memories.compactMap { memory in
            memory.unreadiness(at: site.now()).map { "\(memory.id): \(site.redact($0))\n" }
        }
        guard !late.isEmpty else { return .text(.ok, "ready\n") }
        // Whoever shows no token is told no more than that.
        return .text(.serviceUnavailable, rules.isAuthorised(request) ? late.joined() : "not ready\n")
    }

    private static func isRefreshing(_ request: Request) -> Bool { Query(request.uri.query)["refresh"] != "off" }

    private static func id(_ context: some RequestContext) throws -> String { try context.parameters.require("id") }

    private static func kept(_ text: String, _ type: String) -> Response {
        .text(.ok, text, [.cacheControl: "private, max-age=86400"], type: type)
    }
}
