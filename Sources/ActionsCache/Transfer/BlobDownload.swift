import AsyncHTTPClient
import Basics
import FileIO
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1

/// Fetches an archive into a file: in ranges, several at once, or in one stream from a server that knows no ranges.
///
/// Signed addresses live ten minutes. When one is refused, the entry is looked up again, and the download goes on from
/// where it is if the entry is still the same.
struct BlobDownload: Sendable {
    let http: CacheHTTP
    let options: ActionsCache.Options
    let entry: FoundEntry
    let file: File
    let logger: Logger

    /// How often an address is renewed.
    private static let renewals = 8
    private static let redirects = 5

    /// Facts about the whole blob in an answer.
    private struct Whole: Equatable {
        let size: Int64
        let tag: String?
    }

    /// One answer to a request for a range.
    private enum Part: Sendable {
        case range(Whole)
        case everything(Int64)
        case expired(Int)
        case moved(String)
    }

    /// - Parameter lookUp: gives a new address for the entry.
    /// - Returns: the size of the archive.
    func run(_ lookUp: @escaping @Sendable () async throws -> FoundEntry?) async throws -> Int64 {
        let address = DownloadAddress(entry, lookUp)
        let length = Int64(max(1, options.rangeSize))
        let first = try await fetch(0..<length, address, of: nil)
        let whole: Whole
        switch first {
        case .range(let found): whole = found
        case .everything(let size): return size
        case .expired, .moved: throw CacheError.failed("the blob service gave no archive")
        }
        logger.debug("Actions cache download in ranges", metadata: ["cache.bytes": "\(whole.size)"])
        let ranges = stride(from: length, to: whole.size, by: Int(length)).lazy.map {
            $0..<min($0 + length, whole.size)
        }
        try await forEachConcurrently(ranges, limit: max(1, options.concurrency)) { range in
            guard case .range = try await fetch(range, address, of: whole) else {
                throw CacheError.failed("the blob service stopped to answer ranges")
            }
        }
        return whole.size
    }

    /// Fetches one range, with retries, redirects and renewed addresses.
    private func fetch(_ range: Range<Int64>, _ address: DownloadAddress, of whole: Whole?) async throws -> Part {
        var (renewed, moved) = (0, 0)
        var target: SignedURL?
        while true {
            let (number, url) = await address.current
            let source = target ?? url
            let part = try await RetryPlan.blob.run(options.timing, logger) { _ in
                try await attempt(range, source, of: whole)
            }
            switch part {
            case .range, .everything: return part
            case .moved(let location):
                moved += 1
                guard moved <= Self.redirects, let next = source.redirected(to: location) else {
                    throw CacheError.failed("the blob service redirects to where this must not go")
                }
                target = next
            case .expired(let status):
                renewed += 1
                guard renewed <= Self.renewals else {
                    throw CacheError.failed("the blob service refused the download with \(status)")
                }
                target = nil
                try await address.renew(number, refusal: status)
            }
        }
    }

    private func attempt(_ range: Range<Int64>, _ url: SignedURL, of whole: Whole?) async throws -> Part {
        let headers: HTTPHeaders = ["Range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)"]
        // A server that knows no ranges sends everything, which takes its time.
        let limit = whole == nil ? options.uploadLimit * 6 : options.rangeLimit
        return try await http.receive("GET", url.text, headers: headers, limit: limit) { response in
            switch Int(response.status.code) {
            case 206: .range(try await receive(response, range, of: whole))
            case 200 where whole == nil: .everything(try await receiveEverything(response))
            case 301, 302, 303, 307, 308: .moved(response.headers.first(name: "Location") ?? "")
            case 401, 403: .expired(Int(response.status.code))
            case 416 where whole == nil: throw CacheError.unusable(key: entry.key, reason: "the archive is empty")
            case 429:
                throw CacheResponse(status: 429, headers: response.headers, body: ByteBuffer()).rateLimit("")
            case let status where RetryPlan.isTransient(status):
                throw Transient(error: .failed("the blob service answered \(status)"))
            case let status: throw CacheError.failed("the blob service answered \(status)")
            }
        }
    }

    /// Takes one range, after a check that it is the one that was asked for, of the blob that is being fetched.
    private func receive(
        _ response: HTTPClientResponse, _ range: Range<Int64>, of whole: Whole?
    ) async throws -> Whole {
        guard let content = ContentRange(response.headers.first(name: "Content-Range") ?? "") else {
            throw CacheError.failed("the blob service answered with a range that it does not name")
        }
        let found = Whole(size: content.total, tag: response.headers.first(name: "ETag"))
        if let whole, whole != found { throw CacheError.failed("the archive changed while it was fetched") }
        try checkSize(content.total)
        guard content.range == range.clamped(to: 0..<content.total) else {
            throw CacheError.failed("the blob service answered with another range than the one asked for")
        }
        try await write(response.body, at: content.range.lowerBound, exactly: Int64(content.range.count))
        return found
    }

    private func receiveEverything(_ response: HTTPClientResponse) async throws -> Int64 {
        let length = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
        try checkSize(length ?? 0)
        let file = file
        try await FileIO.run { try file.truncate(to: 0) }
        return try await write(response.body, at: 0, exactly: length)
    }

    private func checkSize(_ size: Int64) throws(CacheError) {
        guard size > options.archiveLimit else { return }
        throw .unusable(
            key: entry.key, reason: "the archive has \(size) bytes; at most \(options.archiveLimit) are fetched")
    }

    @discardableResult
    private func write(
        _ body: HTTPClientResponse.Body, at offset: Int64, exactly length: Int64?
    ) async throws -> Int64 {
        var position: Int64 = 0
        let file = file
        for try await piece in body {
            let start = offset + position
            position += Int64(piece.readableBytes)
            if let length, position > length { throw TransportError(reason: "the answer is too long", mayPass: true) }
            try checkSize(position)
            try await FileIO.run { try file.write(piece, at: start) }
        }
        if let length, position != length {
            throw TransportError(reason: "the answer ended after \(position) of \(length) bytes", mayPass: true)
        }
        return position
    }
}

/// The header `Content-Range` of an answer with one range.
struct ContentRange: Equatable {
    let range: Range<Int64>
    let total: Int64

    /// - Parameter text: as `bytes 0-99/1234`.
    init?(_ text: String) {
        guard text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "-" || $0 == "/" })
        guard parts.count == 3, let first = Int64(parts[0]), let last = Int64(parts[1]), let total = Int64(parts[2]),
            0 <= first, first <= last, last < total
        else { return nil }
        (range, self.total) = (first..<(last + 1), total)
    }
}
