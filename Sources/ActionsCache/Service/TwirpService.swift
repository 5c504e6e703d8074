import FileIO
import Logging
import NIOCore
import NIOHTTP1

/// The cache service v2: three calls with JSON bodies, and archives as block blobs behind signed addresses.
struct TwirpService: CacheService {
    private let context: ServiceContext

    init(_ context: ServiceContext) { self.context = context }

    private struct LookUp: Encodable {
        let key: String
        let restoreKeys: [String]?
        let version: String

        enum CodingKeys: String, CodingKey { case key, restoreKeys = "restore_keys", version }
    }
    private struct Create: Encodable {
        let key: String
        let version: String
    }
    private struct Finalize: Encodable {
        let key: String
        /// As a string, as proto3 writes 64-bit numbers.
        let sizeBytes: String
        let version: String

        enum CodingKeys: String, CodingKey { case key, sizeBytes = "size_bytes", version }
    }

    func lookUp(_ keys: [CacheKey], version: String) async throws -> FoundEntry? {
        guard let first = keys.first else { return nil }
        let others = keys.dropFirst().map(\.text)
        let body = try jsonBody(
            LookUp(key: first.text, restoreKeys: others.isEmpty ? nil : Array(others), version: version))
        let answer = try await context.retrying(.twirp) { _ in try await call("GetCacheEntryDownloadURL", body) }
        if answer.status == 404 && answer.code == "not_found" { return nil }
        try answer.checkRefusals()
        guard answer.fields.flag("ok") else { return nil }
        let address = answer.fields.text("signed_download_url", "signedDownloadUrl")
        guard let url = SignedURL(address) else {
            throw CacheError.failed("the cache service gave no usable download address")
        }
        let matched = answer.fields.text("matched_key", "matchedKey")
        return FoundEntry(key: matched.isEmpty ? first.text : matched, url: url)
    }

    func save(_ archive: StoredArchive, key: CacheKey, version: String) async throws {
        let url = try await reserve(key, version)
        try await BlobUpload(context: context, url: url, archive: archive).run()
        try await finalize(key, version, size: archive.size)
    }

    private func reserve(_ key: CacheKey, _ version: String) async throws -> SignedURL {
        let body = try jsonBody(Create(key: key.text, version: version))
        let answer = try await context.retrying(.twirp) { _ in try await call("CreateCacheEntry", body) }
        // Also when an attempt before this one reached the service and its answer got lost: somebody holds the key.
        if answer.code == "already_exists" || answer.status == 409 { throw CacheError.exists }
        try answer.checkRefusals()
        guard answer.fields.flag("ok") else {
            // Self-hosted services say so without a word.
            throw answer.message.isEmpty ? CacheError.exists : CacheError.failed(answer.message)
        }
        guard let url = SignedURL(answer.fields.text("signed_upload_url", "signedUploadUrl")) else {
            throw CacheError.failed("the cache service gave no usable upload address")
        }
        return url
    }

    private func finalize(_ key: CacheKey, _ version: String, size: Int64) async throws {
        let body = try jsonBody(Finalize(key: key.text, sizeBytes: "\(size)", version: version))
        try await context.retrying(.finalize) { _ in
            let answer = try await context.retrying(.twirp) { _ in try await call("FinalizeCacheEntryUpload", body) }
            if answer.status == 404 { throw Transient(error: .failed(answer.problem)) }
            try answer.checkRefusals()
            guard answer.fields.flag("ok") else {
                throw CacheError.failed(
                    answer.message.isEmpty
                        ? "the cache service did not accept the upload; another job may be finishing the same entry"
                        : answer.message)
            }
        }
    }

    /// One attempt of one call.
    /// - Throws: ``Transient`` where another one may help.
    private func call(_ method: String, _ body: ByteBuffer) async throws -> TwirpAnswer {
        let path = "twirp/github.actions.results.api.v1.CacheService/\(method)"
        let response = try await context.http.send(
            "POST", "\(context.environment.baseURL)/\(path)",
            headers: [
                "Content-Type": "application/json", "Authorization": "Bearer \(context.environment.token)",
            ], body: .bytes(body), limit: context.options.controlLimit)
        context.logger.debug(
            "Actions cache call", metadata: ["cache.call": "\(method)", "http.status": "\(response.status)"])
        guard let fields = JSONFields(response.body) else {
            if response.status == 429 { throw response.rateLimit("") }
            throw Transient(error: .failed("the cache service answered \(response.status) without JSON"))
        }
        let answer = TwirpAnswer(status: response.status, fields: fields)
        if answer.isQuota { throw CacheError.rateLimited(answer.message) }
        if response.status == 429 { throw response.rateLimit(answer.message) }
        if [408, 500, 502, 503, 504].contains(response.status) { throw Transient(error: .failed(answer.problem)) }
        return answer
    }
}

/// An answer of the control plane, an error included.
struct TwirpAnswer: Sendable {
    let status: Int
    let fields: JSONFields

    var code: String { status / 100 == 2 ? "" : fields.text("code") }
    /// Message of the service for people; may be empty.
    var message: String {
        serviceWords(status / 100 == 2 ? fields.text("message") : fields.text("msg", "message"))
    }
    var isQuota: Bool { message.contains("insufficient usage") }
    /// The answer as the reason of a failure.
    var problem: String {
        let words = [code, message].filter { !$0.isEmpty }.joined(separator: ": ")
        return "the cache service answered \(status)" + (words.isEmpty ? "" : " (\(words))")
    }

    /// - Throws: ``CacheError`` for a denial, and for every status that is no success.
    func checkRefusals() throws(CacheError) {
        if isDenial(message) { throw .denied(message) }
        switch status {
        case 200..<300: return
        case 401: throw .failed("the cache service does not accept the token of this run (401); it may have expired")
        case 403 where code == "permission_denied": throw .denied(message.isEmpty ? problem : message)
        default: throw .failed(problem)
        }
    }
}

/// Whether a service's words are those for a run that may not read or write.
func isDenial(_ message: String) -> Bool {
    message.hasPrefix("cache write denied:") || message.contains("cache read denied:")
}
