import AsyncHTTPClient
import FileIO
import FoundationEssentials
import HTTPProxies
import Logging
import NIOCore
import NIOHTTP1
import ObjectStore

/// A bucket of Amazon S3 or of any server that speaks its protocol.
///
/// This box is the whole S3 client: `Endpoints` says where a request goes, `Signing` signs it, `Credentials` finds the
/// keys, `Client` sends it and deals with failures, `Responses` and `XML` read the answer, `Retry` holds the rules. Of
/// all this only ``ObjectStore`` shows.
public struct S3Store: ObjectStore {
    let configuration: S3Configuration
    let sender: RequestSender

    /// Opens a bucket for the time of a closure. No request is sent by that alone.
    /// - Parameters:
    ///   - credentials: where requests take their credentials from.
    ///   - meter: counts requests and bytes.
    ///   - systemTime: this machine's clock; another one is for tests.
    /// - Throws: ``StoreError`` of kind `invalid` for a configuration that cannot work, or what `body` throws.
    public static func withStore<Result>(
        _ configuration: S3Configuration, credentials: any CredentialSource, meter: TransferMeter = TransferMeter(),
        logger: Logger, systemTime: @escaping @Sendable () -> Date = { Date() },
        _ body: (S3Store) async throws -> Result
    ) async throws -> Result {
        try await withStore(
            configuration, credentials: credentials, meter: meter, logger: logger, systemTime: systemTime,
            timing: RetryTiming(), body)
    }

    static func withStore<Result>(
        _ configuration: S3Configuration, credentials: any CredentialSource, meter: TransferMeter, logger: Logger,
        systemTime: @escaping @Sendable () -> Date, timing: RetryTiming, _ body: (S3Store) async throws -> Result
    ) async throws -> Result {
        let bucket = try S3Bucket(configuration)
        do throws(ProxyError) { _ = try configuration.proxies.proxy(for: bucket.endpoint.url) } catch {
            throw StoreError(.invalid, "address", "\(error.variable) \(error.problem)", hint: error.hint)
        }
        let transport = HTTPTransport(
            // As many as can be wanted at once: a request that waits too long for a connection fails.
            connections: configuration.concurrency * S3Multipart.partsAtOnce + 2,
            trustRoots: try await configuration.certificates(), proxies: configuration.proxies, meter: meter,
            limiter: configuration.rateLimit.map { RateLimiter(bytesPerSecond: $0) })
        let store = S3Store(
            configuration: configuration,
            sender: RequestSender(
                bucket: bucket, transport: transport, credentials: credentials,
                clock: SigningClock(systemTime: systemTime), attempts: configuration.attempts, timing: timing,
                logger: logger))
        return try await transport.clients.shutDown {
            try await withTaskExecutorPreference(EventLoopExecutor(transport.loop)) { try await body(store) }
        }
    }

    public var location: String {
        configuration.endpoint.endpoint == nil
            ? "s3://\(configuration.bucket)"
            : "s3://\(configuration.bucket) at \(sender.bucket.endpoint.scheme)://\(sender.bucket.endpoint.authority)"
    }

    public var capabilities: StoreCapabilities {
        StoreCapabilities(
            createOnly: configuration.isAWS ? .enforced : .unproven, deleteBatch: 1000,
            rangedReadThreshold: S3Multipart.smallestPart * 2)
    }

    public func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        do { return try await headOnce(key) } catch {
            guard error.code == nil, [400, 401, 403, 404].contains(error.status) else { throw error }
            try await explain(error, key)
            return try await headOnce(key)
        }
    }

    /// An answer to HEAD has no body, so it does not tell a missing object from a missing bucket, nor a lack of rights
    /// from a wrong secret. A GET of one byte does.
    private func explain(_ error: StoreError, _ key: ObjectKey) async throws(StoreError) {
        do { _ = try await open(key, range: 0..<1, ifMatch: nil) } catch var cause {
            // An object without bytes has no first one.
            if cause.status == 416 { return }
            cause.operation = error.operation
            throw cause
        }
    }

    private func headOnce(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        let headers = try await sender.headers(S3Call(.headObject, "HEAD", key: key.text))
        return info(key, ObjectHeaders(headers))
    }

    @discardableResult
    public func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        do {
            let content = try await BodyReader(body, for: "write", key: key)
            guard content.size <= S3Multipart.smallestPart else {
                return try await S3Multipart(self, key, rule).upload(content)
            }
            let bytes = try await content.read(0..<content.size)
            try await content.checkUnchanged()
            return try await putWhole(key, bytes, rule)
        } catch {
            // A 412 after a lost answer may be our own success: the object that is there decides.
            guard rule == .createOnly, error.kind == .alreadyExists, (error.attempts ?? 1) > 1,
                let there = try await find(key), try await holds(body, as: there)
            else { throw error }
            return there
        }
    }

    private func putWhole(_ key: ObjectKey, _ content: ByteBuffer, _ rule: WriteRule) async throws(StoreError)
        -> ObjectInfo
    {
        var call = S3Call(.putObject, "PUT", key: key.text)
        call.headers = encryptionHeaders + conditionHeaders(rule)
        let digest = call.setBody(content)
        if configuration.keepsChecksums {
            call.headers.append(("x-amz-checksum-sha256", base64(digest)))
        } else {
            call.setContentMD5(MD5Digest.of(content))
        }
        do {
            let headers = try await sender.headers(call)
            return ObjectInfo(
                key: key, size: Int64(content.readableBytes), etag: headers.first(name: "etag").map { ETag($0) })
        } catch {
            throw error.ofWrite(rule)
        }
    }

    public func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        var call = S3Call(.listObjectsV2, "GET")
        call.asksURLEncoding = true
        call.query = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", "\(limit)"), ("prefix", prefix)]
        if let token { call.query.append(ListToken(token).parameter) }
        let answer: ListPage = try await sender.document(call)
        var objects: [ObjectInfo] = []
        objects.reserveCapacity(answer.contents.count)
        for object in answer.contents {
            let key = ObjectKey(object.key)
            guard key.hasPrefix(prefix), let size = object.size else {
                throw StoreError(
                    .server, "list", "the store lists '\(printable(key.utf8))', which is not what was asked for",
                    hint: "The server does not follow the S3 protocol; report this to its maker.")
            }
            objects.append(
                ObjectInfo(
                    key: key, size: size, etag: object.etag.map { ETag(quoted: $0) },
                    lastModified: object.lastModified.map { nanoseconds($0) }))
        }
        guard answer.isTruncated else { return ObjectPage(objects: objects, next: nil) }
        guard let next = ListToken.following(answer) else {
            throw StoreError(.server, "list", "the store says that more keys follow, but not where")
        }
        return ObjectPage(objects: objects, next: next.text)
    }

    public func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        let comparison = try await ETagComparison(body, key: object.key)
        guard comparison.size == object.size else { return false }
        if let etag = object.etag, try await comparison.matches(etag) { return true }
        // With KMS the tag says nothing of the content; the checksum of the whole object still does.
        guard configuration.keepsChecksums else { return false }
        var call = S3Call(.headObject, "HEAD", key: object.key.text)
        call.headers = [("x-amz-checksum-mode", "ENABLED")]
        let checksums = ObjectHeaders(try await sender.headers(call)).checksums
        guard let checksum = RunningChecksum(checksums) else { return false }
        return try await comparison.matches(checksum)
    }

    // MARK: What requests share

    var encryptionHeaders: [(name: String, value: String)] {
        switch configuration.encryption {
        case .bucketDefault: return []
        case .aes256: return [("x-amz-server-side-encryption", "AES256")]
        case .kms(let keyID):
            let key = keyID.map { [("x-amz-server-side-encryption-aws-kms-key-id", $0)] } ?? []
            return [("x-amz-server-side-encryption", "aws:kms")] + key
        }
    }

    func conditionHeaders(_ rule: WriteRule) -> [(name: String, value: String)] {
        rule == .createOnly ? [("if-none-match", "*")] : []
    }

    func info(_ key: ObjectKey, _ headers: ObjectHeaders, size: Int64? = nil) -> ObjectInfo {
        ObjectInfo(
            key: key, size: size ?? headers.contentLength ?? 0, etag: headers.etag.map { ETag($0) },
            lastModified: headers.lastModified.map { nanoseconds($0) })
    }
}

extension StoreError {
    /// A failed condition of a create-only write means that the key is taken.
    func ofWrite(_ rule: WriteRule) -> StoreError {
        guard rule == .createOnly, kind == .preconditionFailed else { return self }
        var error = self
        error.kind = .alreadyExists
        error.operation = "create"
        error.reason = "already exists"
        return error
    }
}

extension ETag {
    /// A tag in the form that headers have it. Some servers leave out the quotes in listings.
    fileprivate init(quoted text: String) {
        self.init(text.hasPrefix("\"") || text.hasPrefix("W/") ? text : "\"\(text)\"")
    }
}

/// Nanoseconds since 1970.
func nanoseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1000).rounded()) * 1_000_000 }

/// Where the next page of a listing starts: at the store's own token, or, from servers that send none, after a key.
struct ListToken {
    let parameter: (name: String, value: String?)

    var text: String { "\(parameter.name)=\(parameter.value ?? "")" }

    init(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        parameter = (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }

    private init(name: String, value: String) { parameter = (name, value) }

    static func following(_ page: ListPage) -> ListToken? {
        if let token = page.nextContinuationToken, !token.isEmpty {
            return ListToken(name: "continuation-token", value: token)
        }
        return page.contents.last.map { ListToken(name: "start-after", value: $0.key) }
    }
}
