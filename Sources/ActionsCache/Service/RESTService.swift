import Basics
import FileIO
import Logging
import NIOCore
import NIOHTTP1

/// The cache service v1: GitHub Enterprise Server, act, Gitea and Forgejo.
struct RESTService: CacheService {
    private let context: ServiceContext
    private static let planLimit: Int64 = 10 << 30

    init(_ context: ServiceContext) { self.context = context }

    private struct Reserve: Encodable {
        let key: String
        let version: String
        let cacheSize: Int64
    }
    private struct Commit: Encodable { let size: Int64 }

    func lookUp(_ keys: [CacheKey], version: String) async throws -> FoundEntry? {
        let list = PercentEncoding.encode(keys.map(\.text).joined(separator: ",").utf8)
        let response = try await call("GET", "cache?keys=\(list)&version=\(version)")
        if response.status == 204 { return nil }
        let fields = try checked(response)
        guard let url = SignedURL(fields.text("archiveLocation")) else {
            throw CacheError.failed("the cache service gave no usable download address")
        }
        let key = fields.text("cacheKey")
        return FoundEntry(key: key.isEmpty ? keys.first?.text ?? "" : key, url: url)
    }

    func save(_ archive: StoredArchive, key: CacheKey, version: String) async throws {
        if archive.size > Self.planLimit && !context.environment.isEnterpriseServer {
            throw CacheError.failed("the archive has \(archive.size) bytes; this service takes 10 GiB")
        }
        let request = try jsonBody(Reserve(key: key.text, version: version, cacheSize: archive.size))
        let response = try await call("POST", "caches", json: request)
        if response.status == 409 { throw CacheError.exists }
        guard let number = try checked(response).number("cacheId"), number != 0 else {
            throw CacheError.failed("the cache service gave no number for the entry")
        }
        let chunk = Int64(max(1, context.options.chunkSize))
        let chunks = stride(from: 0, to: archive.size, by: Int(chunk)).lazy.map { start in
            FileSlice(file: archive.file, offset: start, length: min(chunk, archive.size - start))
        }
        // Half of what v2 sends at once, as `actions/cache` does.
        try await forEachConcurrently(chunks, limit: max(1, context.options.concurrency / 2)) { slice in
            let range = "bytes \(slice.offset)-\(slice.offset + slice.length - 1)/*"
            let response = try await call(
                "PATCH", "caches/\(number)",
                headers: ["Content-Type": "application/octet-stream", "Content-Range": range], body: .file(slice),
                limit: context.options.uploadLimit)
            try checkStatus(response)
        }
        try checkStatus(
            try await call("POST", "caches/\(number)", json: try jsonBody(Commit(size: archive.size))))
    }

    private func call(_ method: String, _ path: String, json: ByteBuffer) async throws -> CacheResponse {
        try await call(method, path, headers: ["Content-Type": "application/json"], body: .bytes(json))
    }

    private func call(
        _ method: String, _ path: String, headers: HTTPHeaders = [:], body: CacheHTTP.Body? = nil,
        limit: Duration? = nil
    ) async throws -> CacheResponse {
        var headers = headers
        headers.add(name: "Accept", value: "application/json;api-version=6.0-preview.1")
        headers.add(name: "Authorization", value: "Bearer \(context.environment.token)")
        let all = headers
        return try await context.retrying(.rest) { _ in
            let response = try await context.http.send(
                method, "\(context.environment.baseURL)_apis/artifactcache/\(path)", headers: all, body: body,
                limit: limit ?? context.options.controlLimit)
            context.logger.debug(
                "Actions cache call",
                metadata: ["cache.call": "\(method)", "http.status": "\(response.status)"])
            if [502, 503, 504].contains(response.status) { throw Transient(error: .failed(problem(response))) }
            if response.status == 429 { throw response.rateLimit(words(response)) }
            return response
        }
    }

    /// The members of a success.
    private func checked(_ response: CacheResponse) throws -> JSONFields {
        try checkStatus(response)
        guard let fields = JSONFields(response.body) else {
            throw CacheError.failed("the cache service answered \(response.status) without JSON")
        }
        return fields
    }

    private func checkStatus(_ response: CacheResponse) throws(CacheError) {
        if response.status / 100 == 2 { return }
        let words = words(response)
        if isDenial(words) { throw .denied(words) }
        if words.contains("insufficient usage") { throw .rateLimited(words) }
        throw .failed(problem(response))
    }

    private func problem(_ response: CacheResponse) -> String {
        let words = words(response)
        return "the cache service answered \(response.status)" + (words.isEmpty ? "" : " (\(words))")
    }

    /// GitHub says `message`, act says `error`.
    private func words(_ response: CacheResponse) -> String {
        serviceWords(JSONFields(response.body)?.text("message", "error") ?? String(buffer: response.body))
    }
}
