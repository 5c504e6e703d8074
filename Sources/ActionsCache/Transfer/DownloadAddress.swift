/// Where an entry can be fetched at the moment; shared by all ranges of a download.
actor DownloadAddress {
    private let entry: FoundEntry
    private let lookUp: @Sendable () async throws -> FoundEntry?
    private var url: SignedURL
    private var number = 0
    private var isRenewing = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameter lookUp: gives a new address for the entry.
    init(_ entry: FoundEntry, _ lookUp: @escaping @Sendable () async throws -> FoundEntry?) {
        (self.entry, self.lookUp, url) = (entry, lookUp, entry.url)
    }

    var current: (number: Int, url: SignedURL) { (number, url) }

    /// Gets a new address, once however many ranges ask.
    /// - Parameters:
    ///   - old: the number of the address that was refused.
    ///   - status: how it was refused.
    /// - Throws: ``CacheError`` if the entry is no longer the one that is being fetched.
    func renew(_ old: Int, refusal status: Int) async throws {
        guard old == number else { return }
        // The renewing task belongs to the same download, so a cancellation ends its wait and with it these.
        if isRenewing { return await withCheckedContinuation { waiting.append($0) } }
        isRenewing = true
        defer {
            isRenewing = false
            for waiter in waiting { waiter.resume() }
            waiting = []
        }
        guard let found = try await lookUp(), found.key == entry.key else {
            throw CacheError.failed("the blob service refused the download with \(status), and the entry has changed")
        }
        (url, number) = (found.url, number + 1)
    }
}
