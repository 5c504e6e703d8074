import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

extension S3Store {
    public func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        // XML 1.0 cannot name some control characters, not even escaped; such keys are deleted one by one.
        let plain = keys.filter { isXMLText($0) }
        var failures = try await deleteOneByOne(keys.filter { !isXMLText($0) })
        for start in stride(from: 0, to: plain.count, by: capabilities.deleteBatch) {
            let batch = Array(plain[start..<min(start + capabilities.deleteBatch, plain.count)])
            do {
                failures += try await deleteBatch(batch)
            } catch {
                guard error.kind == .unsupported else { throw error }
                failures += try await deleteOneByOne(batch)
            }
        }
        return failures
    }

    private func deleteBatch(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        var document = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
        for key in keys { document += "<Object><Key>\(xmlEscaped(key.text))</Key></Object>" }
        document += "</Delete>"
        var call = S3Call(.deleteObjects, "POST")
        call.query = [("delete", nil)]
        // The digest is required here, and servers check that.
        let body = ByteBuffer(string: document)
        call.setBody(body)
        call.setContentMD5(MD5Digest.of(body))
        let answer: DeleteResult = try await sender.document(call)
        let resource = S3ResourceName(bucket: configuration.bucket, region: sender.bucket.endpoint.signingRegion)
        return answer.errors.filter { $0.code != "NoSuchKey" }.map { failure in
            let isDenied = failure.code == "AccessDenied"
            let name = printable(failure.key.utf8)
            var error = StoreError(
                isDenied ? .denied : .server, "delete", key: ObjectKey(failure.key),
                failure.message.map { printable($0, 300) } ?? "was refused",
                hint: isDenied ? "Allow \(S3Action.deleteObject.rawValue) on \(resource.objects(name))." : nil)
            error.code = failure.code.map { printable($0, 80) }
            error.bucket = configuration.bucket
            return DeleteFailure(key: ObjectKey(failure.key), error: error)
        }
    }

    private func deleteOneByOne(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        let failures = NIOLockedValueBox<[DeleteFailure]>([])
        do {
            try await forEachConcurrently(keys, limit: configuration.concurrency) { key in
                do throws(StoreError) {
                    _ = try await sender.headers(S3Call(.deleteObject, "DELETE", key: key.text))
                } catch {
                    if error.kind == .cancelled || error.kind == .noSuchBucket { throw error }
                    if error.kind == .notFound { return }
                    failures.withLockedValue { $0.append(DeleteFailure(key: key, error: error)) }
                }
            }
        } catch {
            throw StoreError(wrapping: error, "delete from")
        }
        return failures.withLockedValue { $0 }
    }

    private func isXMLText(_ key: ObjectKey) -> Bool {
        key.text.unicodeScalars.allSatisfy {
            ($0.value >= 0x20 || $0 == "\t" || $0 == "\n" || $0 == "\r") && $0.value != 0xFFFE && $0.value != 0xFFFF
        }
    }
}

/// Text for an XML element. Line ends and tabs are escaped too, since a parser may change them.
func xmlEscaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "\"": escaped += "&quot;"
        case "\t", "\n", "\r": escaped += "&#\(scalar.value);"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}
