import Basics
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import ObjectStore

/// Writes a large object in parts, several at a time, and leaves nothing behind if that fails.
struct S3Multipart {
    /// S3's least is 5 MiB for all but the last part; 8 MiB is what most tools use.
    static let smallestPart: Int64 = 8 << 20
    /// Together with ``smallestPart`` this bounds the memory that one upload needs.
    static let partsAtOnce = 4
    /// Limits of S3 (Amazon S3 User Guide, "Multipart upload limits").
    static let mostParts: Int64 = 10_000
    static let largestObject: Int64 = 5 << 40

    private let store: S3Store
    private let key: ObjectKey
    private let rule: WriteRule

    init(_ store: S3Store, _ key: ObjectKey, _ rule: WriteRule) {
        self.store = store
        self.key = key
        self.rule = rule
    }

    /// The part size for an object, in bytes: the least that needs no more than 10,000 parts, in whole MiB.
    static func partSize(for size: Int64) -> Int64 {
        let needed = (size + mostParts - 1) / mostParts
        let mebibyte: Int64 = 1 << 20
        return max(smallestPart, (needed + mebibyte - 1) / mebibyte * mebibyte)
    }

    func upload(_ content: BodyReader) async throws(StoreError) -> ObjectInfo {
        guard content.size <= Self.largestObject else {
            throw StoreError(.tooLarge, "write", key: key, "has \(content.size) bytes; S3 takes 5 TiB")
        }
        var create = S3Call(.createMultipartUpload, "POST", key: key.text)
        create.query = [("uploads", nil)]
        create.headers = store.encryptionHeaders
        let upload: CreatedUpload = try await store.sender.document(create)
        do {
            let parts = try await uploadParts(content, upload.uploadID)
            try await content.checkUnchanged()
            return try await complete(upload.uploadID, parts, content.size)
        } catch {
            await abort(upload.uploadID)
            throw StoreError(wrapping: error, "write", key: key).ofWrite(rule)
        }
    }

    private struct Part: Sendable {
        let number: Int
        let etag: String
        let md5: [UInt8]
    }

    private func uploadParts(_ content: BodyReader, _ uploadID: String) async throws -> [Part] {
        let size = Self.partSize(for: content.size)
        let parts = NIOLockedValueBox<[Part]>([])
        let ranges = content.pieces(of: size)
        try await forEachConcurrently(ranges.enumerated(), limit: Self.partsAtOnce) { index, range in
            let piece = try await content.read(range)
            var call = S3Call(.uploadPart, "PUT", key: key.text)
            call.query = [("partNumber", "\(index + 1)"), ("uploadId", uploadID)]
            call.setBody(piece)
            let md5 = MD5Digest.of(piece)
            call.setContentMD5(md5)
            let headers = try await store.sender.headers(call)
            guard let etag = headers.first(name: "etag") else {
                throw StoreError(.server, "write", key: key, "the store gave no tag for part \(index + 1)")
            }
            let part = Part(number: index + 1, etag: etag, md5: md5)
            parts.withLockedValue { $0.append(part) }
        }
        return parts.withLockedValue { $0 }.sorted { $0.number < $1.number }
    }

    private func complete(_ uploadID: String, _ parts: [Part], _ size: Int64) async throws(StoreError) -> ObjectInfo {
        var document = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for part in parts {
            document += "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(xmlEscaped(part.etag))</ETag></Part>"
        }
        document += "</CompleteMultipartUpload>"
        var call = S3Call(.completeMultipartUpload, "POST", key: key.text)
        call.query = [("uploadId", uploadID)]
        call.headers = store.conditionHeaders(rule)
        call.setBody(ByteBuffer(string: document))
        do {
            let answer: CompletedUpload = try await store.sender.document(call)
            return ObjectInfo(key: key, size: size, etag: answer.etag.map { ETag($0) })
        } catch {
            // The first answer may have been lost: then the upload is gone because it is complete.
            guard error.kind == .notFound, (error.attempts ?? 1) > 1, let there = try await store.find(key),
                there.size == size, there.etag?.text.contains(MultipartTag.text(parts.map(\.md5))) == true
            else { throw error }
            return there
        }
    }

    /// Parts that belong to no object are invisible and cost money. Their removal is waited for, but not for ever: the
    /// store may be what failed.
    private func abort(_ uploadID: String) async {
        var call = S3Call(.abortMultipartUpload, "DELETE", key: key.text)
        call.query = [("uploadId", uploadID)]
        let (abort, sender, key) = (call, store.sender, key)
        let limit = Task.isCancelled ? sender.timing.cleanUpAfterCancellation : sender.timing.cleanUp
        // A task of its own: the one that failed may be cancelled, and a cancelled task sends nothing. It is awaited.
        await Task {
            do {
                try await withTimeLimit(limit) { _ = try await sender.headers(abort) }
            } catch let error as StoreError where error.kind == .notFound {
                // It is complete after all, or was removed by somebody else.
            } catch {
                var metadata: Logger.Metadata = ["objectKey": "\(key)", "error": "\(error)"]
                if let hint = (error as? StoreError)?.hint { metadata["hint"] = "\(hint)" }
                sender.logger.warning(
                    "An unfinished upload could not be removed; the bucket's lifecycle rule has to do it",
                    metadata: metadata)
            }
        }.value
    }
}
