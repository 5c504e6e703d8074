import Basics
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1

/// Puts an archive into a block blob: in one request, or in blocks and a list of them.
struct BlobUpload: Sendable {
    let context: ServiceContext
    let url: SignedURL
    let archive: StoredArchive

    private static let apiVersion = "2024-11-04"
    private static let blockLimit: Int64 = 50_000

    func run() async throws {
        if archive.size <= Int64(context.options.singleUploadLimit) {
            let whole = FileSlice(file: archive.file, offset: 0, length: archive.size)
            return try await put(
                url.text, .file(whole), ["Content-Type": "application/octet-stream", "x-ms-blob-type": "BlockBlob"])
        }
        let size = blockSize
        let name = UUID().uuidString.lowercased()
        let identifiers = (0..<Int((archive.size + size - 1) / size)).map { Self.blockID(name, $0) }
        let blocks = identifiers.enumerated().lazy.map { index, id in
            let offset = Int64(index) * size
            return (id, FileSlice(file: archive.file, offset: offset, length: min(size, archive.size - offset)))
        }
        try await forEachConcurrently(blocks, limit: max(1, context.options.concurrency)) { id, slice in
            try await put(
                url.appending("comp=block&blockid=\(PercentEncoding.encode(id.utf8))"), .file(slice),
                ["Content-Type": "application/octet-stream"])
        }
        let list =
            #"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><BlockList>"#
            + identifiers.map { "<Latest>\($0)</Latest>" }.joined() + "</BlockList>"
        try await put(
            url.appending("comp=blocklist"), .bytes(ByteBuffer(string: list)), ["Content-Type": "application/xml"])
    }

    /// The chosen size, or more where that would make too many blocks.
    private var blockSize: Int64 {
        max(1, Int64(context.options.blockSize), (archive.size + Self.blockLimit - 1) / Self.blockLimit)
    }

    /// Base64 of 48 characters: one self-hosted service reads the position of the block from the last twelve.
    static func blockID(_ name: String, _ index: Int) -> String {
        let number = String(index)
        return Data((name + String(repeating: "0", count: 12 - number.count) + number).utf8).base64EncodedString()
    }

    private func put(_ address: String, _ body: CacheHTTP.Body, _ headers: HTTPHeaders) async throws {
        var headers = headers
        headers.add(name: "x-ms-version", value: Self.apiVersion)
        let all = headers
        try await context.retrying(.blob) { _ in
            let response = try await context.http.send(
                "PUT", address, headers: all, body: body, limit: context.options.uploadLimit)
            context.logger.debug("Actions cache upload", metadata: ["http.status": "\(response.status)"])
            switch response.status {
            case 200..<300: return
            case 429: throw response.rateLimit("")
            case let status where RetryPlan.isTransient(status): throw Transient(error: Self.refusal(response))
            default: throw Self.refusal(response)
            }
        }
    }

    private static func refusal(_ response: CacheResponse) -> CacheError {
        let code = response.headers.first(name: "x-ms-error-code").map { " (\(serviceWords($0)))" } ?? ""
        return .failed("the blob service refused the upload with \(response.status)\(code)")
    }
}
