/// One answer to a listing.
public struct ObjectPage: Sendable {
    public var objects: [ObjectInfo]
    /// Where the next page starts; `nil` at the end.
    public var next: String?

    public init(objects: [ObjectInfo], next: String?) {
        self.objects = objects
        self.next = next
    }
}

/// The objects of a listing, in pages that are asked for one after the other as they are needed.
///
/// Iteration throws ``StoreError``, also for a store that hands out the same token for ever.
public struct ObjectListing: AsyncSequence, Sendable {
    public typealias Fetch = @Sendable (_ token: String?) async throws(StoreError) -> ObjectPage
    private let fetch: Fetch

    public init(_ fetch: @escaping Fetch) { self.fetch = fetch }

    public func makeAsyncIterator() -> Iterator { Iterator(fetch: fetch) }

    public struct Iterator: AsyncIteratorProtocol {
        let fetch: Fetch
        var page: [ObjectInfo] = []
        var position = 0
        var token: String?
        var seen: Set<String> = []
        var isLast = false

        public mutating func next() async throws -> ObjectInfo? {
            while position == page.count {
                if isLast { return nil }
                try Task.checkCancellation()
                let answer = try await fetch(token)
                (page, position) = (answer.objects, 0)
                guard let following = answer.next else {
                    isLast = true
                    continue
                }
                guard seen.insert(following).inserted else {
                    throw StoreError(.server, "list", "the store repeats a continuation token, so the list has no end")
                }
                token = following
            }
            defer { position += 1 }
            return page[position]
        }
    }

    /// The whole list in memory.
    /// - Throws: ``StoreError``.
    public func collect() async throws(StoreError) -> [ObjectInfo] {
        do {
            var all: [ObjectInfo] = []
            for try await object in self { all.append(object) }
            return all
        } catch {
            throw StoreError(wrapping: error, "list")
        }
    }
}
