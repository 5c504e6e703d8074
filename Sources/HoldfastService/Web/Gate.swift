import CoreMetrics
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Stands before every page: lets in who may see it, puts what went wrong into words, and tells browsers what a page may do.
struct Gate<Context: RequestContext>: RouterMiddleware {
    let rules: AccessRules
    let site: Site
    let metrics: any MetricsFactory
    let logger: Logger

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response: Response
        if let refusal = rules.refusal(of: AccessRules.Request(request)) {
            response = refused(refusal)
        } else {
            do { response = try await next(request, context) } catch { response = failed(error) }
        }
        for (name, value) in Self.headers {
            if let name = HTTPField.Name(name), response.headers[name] == nil { response.headers[name] = value }
        }
        let page = context.endpointPath.flatMap { StatusRoutes.names.contains($0) ? $0 : nil } ?? "other"
        Counter(
            label: "holdfast.http_requests", dimensions: [("page", page), ("status", "\(response.status.code)")],
            factory: metrics
        ).increment()
        return response
    }

    /// A page runs no script, loads nothing from elsewhere, is shown in no frame and kept in no cache.
    private static var headers: [(String, String)] {
        [
            (
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
                    + "frame-ancestors 'none'"
            ),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ]
    }

    private func refused(_ refusal: AccessRules.Refusal) -> Response {
        switch refusal {
        case .method:
            return .text(.methodNotAllowed, "Nothing can be changed here.\n", [.allow: "GET, HEAD"])
        case .target: return .text(.badRequest, "This is no address of a page.\n")
        case .host:
            return .text(
                .misdirectedRequest,
                "This server answers to localhost and to the addresses of this machine only: a request with another name in "
                    + "its Host header may come from a page of somebody else.\n")
        case .token:
            return .text(
                .unauthorized, "Show the token: as the password, or in the header Authorization: Bearer TOKEN.\n",
                [.wwwAuthenticate: "Basic realm=\"holdfast\", charset=\"UTF-8\""])
        }
    }

    private func failed(_ error: any Error) -> Response {
        let problem: PageError
        if let error = error as? HTTPError {
            problem = PageError(error.status, "There is no such page.")
        } else {
            problem = PageError(error, redact: site.redact)
        }
        logger.debug(
            "A page could not be shown",
            metadata: ["status": "\(problem.status.code)", "reason": "\(problem.problem)"])
        return .html(site.errorPage(problem), problem.status)
    }
}

extension AccessRules.Request {
    init(_ request: Request) {
        self.init(
            method: request.method.rawValue, target: request.uri.string, host: request.head.authority,
            authorization: request.headers[.authorization])
    }
}

extension Response {
    static func html(_ page: HTML, _ status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8"],
            body: ResponseBody(byteBuffer: page.buffer))
    }

    static func text(
        _ status: HTTPResponse.Status, _ text: String, _ more: HTTPFields = [:],
        type: String = "text/plain; charset=utf-8"
    ) -> Response {
        var headers = more
        headers[.contentType] = type
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
