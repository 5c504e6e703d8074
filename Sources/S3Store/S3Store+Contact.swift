import FoundationEssentials
import HTTPProxies
import NIOCore
import NIOHTTP1
import ObjectStore

/// Facts that an answer of the store tells beside those that were asked for.
public struct S3Contact: Sendable {
    /// Scheme, host and port that answered.
    public let address: String
    /// The proxy on the way there, if there is one.
    public let proxy: HTTPProxy?
    /// The status of the answer; one that refuses is an answer too.
    public let status: Int
    /// The region of the bucket, where the store tells.
    public let region: String?
    /// The region that the request was signed for.
    public let signedRegion: String
    /// How far the store's clock is ahead of this machine's, in seconds; `Date` has no more than seconds.
    public let clockAhead: Double?
}

extension S3Store {
    /// Asks for the bucket and takes any answer, so that little is needed for one: no right, no right clock.
    /// - Throws: ``StoreError``: no answer, or no credentials to ask with.
    public func contact() async throws(StoreError) -> S3Contact {
        let call = S3Call(.headBucket, "HEAD")
        var progress = RequestSender.Progress()
        let began = sender.clock.now
        var status = 200
        do {
            try await sender.attempt(call, &progress) { _ in }
        } catch let error as ServiceError {
            status = error.status
        } catch {
            throw sender.storeError(RequestSender.Failure(error), call, progress)
        }
        let middle = began.addingTimeInterval(sender.clock.now.timeIntervalSince(began) / 2)
        // A second is cut off, so half of it is missing on average.
        let ahead = progress.serverDate.flatMap { Timestamp.http($0) }.map { $0.timeIntervalSince(middle) + 0.5 }
        let endpoint = sender.bucket.endpoint
        return S3Contact(
            address: "\(endpoint.scheme)://\(endpoint.authority)",
            proxy: try? sender.transport.clients.proxy(for: endpoint.url), status: status,
            region: progress.regionHeader.map { printable($0, 80) }, signedRegion: progress.region, clockAhead: ahead)
    }

    /// Writes a small object.
    /// - Returns: the version that the store gave it; `nil` where the bucket keeps no versions.
    /// - Throws: ``StoreError``.
    public func putVersioned(_ key: ObjectKey, _ content: ByteBuffer) async throws(StoreError) -> String? {
        var call = S3Call(.putObject, "PUT", key: key.text)
        call.headers = encryptionHeaders
        call.setBody(content)
        call.setContentMD5(MD5Digest.of(content))
        let version = try await sender.headers(call).first(name: "x-amz-version-id")
        return version == "null" ? nil : version.map { printable($0, 100) }
    }

    /// Begins an upload in parts and gives it up at once: that shows the rights for both, and no object comes of it.
    /// - Throws: ``StoreError``.
    public func probeUpload(_ key: ObjectKey) async throws(StoreError) {
        var create = S3Call(.createMultipartUpload, "POST", key: key.text)
        create.query = [("uploads", nil)]
        create.headers = encryptionHeaders
        let upload: CreatedUpload = try await sender.document(create)
        var abort = S3Call(.abortMultipartUpload, "DELETE", key: key.text)
        abort.query = [("uploadId", upload.uploadID)]
        _ = try await sender.headers(abort)
    }
}
