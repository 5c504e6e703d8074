import Foundation
import NIOCore

/// The blobs of an ``ActionsCacheService``: content, blocks that are not part of it yet, and nothing else.
struct ActionsCacheBlobs {
    struct Blob {
        var content: ByteBuffer?
        var tag = 0
        var isSealed = false
        /// By their decoded names.
        var uncommitted: [[UInt8]: ByteBuffer] = [:]
        var committed: [[UInt8]: ByteBuffer] = [:]
    }

    var blobs: [String: Blob] = [:]
    private var tags = 0

    static func error(
        _ status: Int, _ code: String, headers: [(name: String, value: String)] = []
    ) -> StubResponse {
        .text(
            #"<?xml version="1.0" encoding="utf-8"?><Error><Code>\#(code)</Code><Message>\#(code)</Message></Error>"#,
            status: status,
            headers: headers + [("Content-Type", "application/xml"), ("x-ms-error-code", code)] + common)
    }

    private static var common: [(name: String, value: String)] {
        [("x-ms-request-id", UUID().uuidString), ("x-ms-version", "2025-11-05")]
    }

    mutating func store(_ content: ByteBuffer, _ name: String) {
        tags += 1
        blobs[name, default: Blob()].content = content
        blobs[name, default: Blob()].tag = tags
    }

    mutating func seal(_ name: String) { blobs[name]?.isSealed = true }

    private func created(_ name: String) -> StubResponse {
        .status(
            201,
            headers: Self.common + [
                ("ETag", "\"0x\(blobs[name]?.tag ?? 0)\""), ("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT"),
                ("x-ms-request-server-encrypted", "true"),
            ])
    }

    mutating func putBlob(_ request: StubRequest) -> StubResponse {
        guard request.header("x-ms-blob-type") == "BlockBlob" else { return Self.error(400, "MissingRequiredHeader") }
        guard request.header("Content-Length") != nil else { return Self.error(411, "MissingContentLengthHeader") }
        store(request.body, request.path)
        return created(request.path)
    }

    mutating func putBlock(_ request: StubRequest, _ id: String) -> StubResponse {
        guard request.header("Content-Length") != nil else { return Self.error(411, "MissingContentLengthHeader") }
        guard let data = Data(base64Encoded: id), (1...64).contains(data.count) else {
            return Self.error(400, "InvalidQueryParameterValue")
        }
        let known = blobs[request.path, default: Blob()]
        let other = known.uncommitted.keys.first ?? known.committed.keys.first
        if let other, other.count != data.count { return Self.error(400, "InvalidBlobOrBlock") }
        blobs[request.path, default: Blob()].uncommitted[Array(data)] = request.body
        return created(request.path)
    }

    mutating func putBlockList(_ request: StubRequest) -> StubResponse {
        let list = BlockListReader.read(Data(request.body.readableBytesView))
        guard let list else { return Self.error(400, "InvalidXmlDocument") }
        let blob = blobs[request.path, default: Blob()]
        var (content, committed) = (ByteBuffer(), [[UInt8]: ByteBuffer]())
        for (kind, id) in list {
            guard let name = Data(base64Encoded: id).map({ Array($0) }) else {
                return Self.error(400, "InvalidBlockId")
            }
            let block: ByteBuffer? =
                switch kind {
                case "Latest": blob.uncommitted[name] ?? blob.committed[name]
                case "Uncommitted": blob.uncommitted[name]
                default: blob.committed[name]
                }
            guard let block else { return Self.error(400, "InvalidBlockList") }
            content.writeImmutableBuffer(block)
            committed[name] = block
        }
        store(content, request.path)
        blobs[request.path]?.uncommitted = [:]
        blobs[request.path]?.committed = committed
        return created(request.path)
    }

    func get(_ request: StubRequest, _ behaviour: ActionsCacheBehaviour) -> StubResponse {
        guard let blob = blobs[request.path], let content = blob.content else {
            return Self.error(404, "BlobNotFound")
        }
        var headers =
            Self.common + [
                ("ETag", "\"0x\(blob.tag)\""), ("Accept-Ranges", "bytes"), ("x-ms-blob-type", "BlockBlob"),
                ("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT"), ("Content-Type", "application/octet-stream"),
            ]
        let total = content.readableBytes
        var (status, part) = (200, content)
        if !behaviour.ignoresRange, let text = request.header("x-ms-range") ?? request.header("Range") {
            guard let (first, last) = Self.range(text, total) else {
                return Self.error(416, "InvalidRange", headers: [("Content-Range", "bytes */\(total)")])
            }
            status = 206
            part = content.getSlice(at: content.readerIndex + first, length: last - first + 1) ?? ByteBuffer()
            headers.append(("Content-Range", "bytes \(first)-\(last)/\(total)"))
        }
        guard behaviour.omitsLength, request.method == "GET" else {
            if request.method == "HEAD" { headers.append(("Content-Length", "\(part.readableBytes)")) }
            return StubResponse(status: status, headers: headers, body: part)
        }
        var chunked = ByteBuffer(string: String(part.readableBytes, radix: 16) + "\r\n")
        chunked.writeImmutableBuffer(part)
        chunked.writeString("\r\n0\r\n\r\n")
        return StubResponse(status: status, headers: headers + [("Transfer-Encoding", "chunked")], body: chunked)
    }

    /// - Returns: the first and the last byte; `nil` past the end or if the text is no range.
    private static func range(_ text: String, _ total: Int) -> (Int, Int)? {
        let parts = text.replacingOccurrences(of: "bytes=", with: "").split(
            separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Int(parts[0]), first < total else { return nil }
        let last = min(Int(parts[1]) ?? total - 1, total - 1)
        return first <= last ? (first, last) : nil
    }
}

extension ActionsCacheServiceState {
    /// A signed address of a blob.
    func signed(_ blob: String, _ rights: String, lifetime: Int) -> String {
        "\(origin)\(blob)?\(signatures.query(blob, rights, expiry: time + lifetime))"
    }

    /// The blob plane. A token has no business here, and would be refused by the real service as well.
    mutating func blob(_ request: StubRequest) -> StubResponse {
        let isWrite = request.method == "PUT"
        guard request.header("Authorization") == nil else {
            return ActionsCacheBlobs.error(400, "InvalidAuthenticationInfo")
        }
        guard
            signatures.allows(
                request.path, request.query, isWrite ? "w" : "r", time: time, limit: behaviour.downloadUses)
        else { return ActionsCacheBlobs.error(403, "AuthenticationFailed") }
        if isWrite, blobs.blobs[request.path]?.isSealed == true {
            return ActionsCacheBlobs.error(403, "AuthorizationPermissionMismatch")
        }
        let parameters = ActionsCacheSignatures.parameters(request.query)
        switch Self.call(request) {
        case .putBlob: return blobs.putBlob(request)
        case .putBlock: return blobs.putBlock(request, parameters["blockid"] ?? "")
        case .putBlockList: return blobs.putBlockList(request)
        case .head where behaviour.refusesHead: return ActionsCacheBlobs.error(405, "UnsupportedHttpVerb")
        case .get, .head: return blobs.get(request, behaviour)
        default: return ActionsCacheBlobs.error(405, "UnsupportedHttpVerb")
        }
    }
}

/// Reads the list of a blob's blocks.
private enum BlockListReader {
    /// - Returns: kind and name of each block; `nil` if it is no such list.
    static func read(_ data: Data) -> [(String, String)]? {
        let text = String(decoding: data, as: UTF8.self)
        guard let start = text.range(of: "<BlockList>"), let end = text.range(of: "</BlockList>") else { return nil }
        var rest = text[start.upperBound..<end.lowerBound]
        var blocks: [(String, String)] = []
        while let open = rest.range(of: "<") {
            guard let close = rest.range(of: ">") else { return nil }
            let kind = String(rest[open.upperBound..<close.lowerBound])
            guard ["Latest", "Committed", "Uncommitted"].contains(kind), let end = rest.range(of: "</\(kind)>") else {
                return nil
            }
            blocks.append((kind, String(rest[close.upperBound..<end.lowerBound])))
            rest = rest[end.upperBound...]
        }
        return blocks
    }
}
