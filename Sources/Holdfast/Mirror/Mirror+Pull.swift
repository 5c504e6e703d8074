import AgentFiles
import FileIO
import Logging
import NIOCore
import ObjectStore

extension Mirror {
    /// Brings the store's files here: all of them, or none.
    ///
    /// Files that only this machine has stay. Names that must not be written are refused one by one and named in the
    /// result; the rest arrives.
    func pull(onConflict policy: ConflictPolicy = .stop) async -> SyncResult {
        await measured(meter) { result in
            let local = try await StorageScan.scan(storage, exclusions: .onlyNeverStored)
            // What cannot be seen cannot be compared, and must not be replaced.
            if let failure = local.failures.first { throw failure.cause }
            let offers = try await offers(&result, existing: local.files.map(\.path))
            guard !offers.isEmpty else { return }

            let plan = try await plan(offers, local, policy)
            result.objectCount = plan.objectCount
            result.totalBytes = plan.totalBytes
            guard plan.conflicts.isEmpty else {
                result.conflicts = plan.conflicts.map(\.description)
                throw conflictError(result.conflicts)
            }
            progress.begin(files: plan.fetches.count, bytes: plan.fetches.reduce(0) { $0 + $1.object.size })
            let fetched = try await fetch(plan, &result)
            result.transferredObjects = fetched.count
            result.hasOldLayout = OldLayout.matches(offers.lazy.map(\.path))
            await remember(plan.same + fetched, keeping: plan.kept)
        }
    }

    /// An object and the path that it asks for.
    private struct Offer: Sendable {
        let path: RelativePath
        let text: String
        let object: ObjectInfo
    }

    /// Lists the memory and sorts out what must not be written.
    private func offers(_ result: inout SyncResult, existing: [RelativePath]) async throws -> [Offer] {
        var byPath: [[UInt8]: ObjectInfo] = [:]
        for object in try await store.list(prefix: location.mirrorPrefix).collect() {
            byPath[Array(object.key.utf8.dropFirst(location.mirrorPrefix.utf8.count))] = object
        }
        let names = SafePaths.check(byPath.keys, existing: existing)
        for refusal in names.refused {
            // Consoles write an empty object for a folder; there is nothing in it to lose.
            let isMarker = byPath[refusal.path]?.size == 0 && [.directory, .empty].contains(refusal.reason)
            if isMarker {
                result.skipped.folderMarkers += 1
            } else {
                result.problems.append(
                    SyncResult.Problem(path: printable(refusal.path), reason: refusal.reason.description))
            }
        }
        var offers: [Offer] = []
        for path in names.accepted {
            guard let object = byPath[path.bytes], let text = path.utf8String else { continue }
            if let rule = Exclusions.neverStoredRule(path) {
                result.skipped.excluded += 1
                logger.warning(
                    "The store holds a file that is never restored", metadata: ["path": "\(path)", "rule": "\(rule)"])
                continue
            }
            offers.append(Offer(path: path, text: text, object: object))
        }
        return offers
    }

    /// Compares each object with what is here.
    private func plan(
        _ offers: [Offer], _ local: StorageScan, _ policy: ConflictPolicy
    ) async throws -> PullPlan {
        let present = Dictionary(local.files.map { ($0.path, $0.status) }) { first, _ in first }
        let known = await base?.read() ?? [:]
        let root = local.rootMissing ? nil : try await FileIO.run { try File.open(storage, [.read, .directory]) }
        let files = root.map { LocalFiles(root: $0) }
        let decided = Collected<(Offer, PullDecision.Outcome)>()
        try await Lanes.run(offers, concurrency: concurrency, size: \.object.size) { offer in
            guard let status = present[offer.path], let files else { return decided.add((offer, .follow(.nothing))) }
            let base = known[ObjectKey(offer.text)]
            if status.size == offer.object.size {
                let content = try await files.read(offer.path)
                if try await isStored(content, as: offer.object, base) {
                    let file = SyncedFile(
                        path: offer.text, status: content.status, etag: offer.object.etag, sha256: content.sha256)
                    return decided.add((offer, .same(file)))
                }
            }
            decided.add((offer, PullDecision(base: base, policy: policy).outcome(status, offer.object)))
        }
        var plan = PullPlan()
        for (offer, outcome) in decided.all.sorted(by: { $0.0.path < $1.0.path }) {
            plan.objectCount += 1
            plan.totalBytes += offer.object.size
            func fetch(_ expected: StagedTree.Expectation) {
                plan.fetches.append(
                    PullPlan.Fetch(path: offer.path, text: offer.text, object: offer.object, expected: expected))
            }
            switch outcome {
            case .same(let file): plan.same.append(file)
            case .follow(let expected): fetch(expected)
            case .keep: plan.kept += known[ObjectKey(offer.text)].map { [$0] } ?? []
            case .conflict: plan.conflicts.append(offer.path)
            case .overrule(let expected):
                fetch(expected)
                plan.overruled.append(offer.path)
            }
        }
        return plan
    }

    /// Fetches into a staging directory, then changes all files at once.
    private func fetch(_ plan: PullPlan, _ result: inout SyncResult) async throws -> [SyncedFile] {
        guard !plan.fetches.isEmpty else { return [] }
        let tree = try await FileIO.run { try StagedTree.open(storage) }
        let arrived = Collected<Arrival>()
        do {
            try await Lanes.run(plan.fetches, concurrency: concurrency, size: \.object.size) { fetch in
                arrived.add(try await download(fetch, into: tree))
                progress.finished(files: 1)
                logger.debug("Downloaded from S3", metadata: ["objectKey": "\(fetch.object.key)"])
            }
            if !plan.overruled.isEmpty {
                result.replacedKeptAt = try await KeptFiles.copy(plan.overruled, of: storage)
            }
            _ = try await FileIO.run { try tree.commit() }
        } catch {
            // The error that ended the work is the one to report; a leftover is removed by the next pull.
            await FileIO.cleanUp { tree.abandon() }
            throw error
        }
        return try await synced(arrived.all)
    }

    /// An object that lies in the staging directory.
    private struct Arrival: Sendable {
        let fetch: PullPlan.Fetch
        let etag: ETag?
        let sha256: String?
    }

    /// The files as they are now: a rename changes the time that tells later whether somebody touched them.
    private func synced(_ arrived: [Arrival]) async throws -> [SyncedFile] {
        try await FileIO.run {
            let root = try File.open(storage, [.read, .directory])
            return try arrived.map { arrival in
                let file = try File.open(arrival.fetch.path.components, beneath: root, .read)
                return SyncedFile(
                    path: arrival.fetch.text, status: try file.status(), etag: arrival.etag, sha256: arrival.sha256,
                    wasTransferred: true)
            }
        }
    }

    private func download(_ fetch: PullPlan.Fetch, into tree: StagedTree) async throws -> Arrival {
        let object = fetch.object
        if let threshold = store.capabilities.rangedReadThreshold, object.size >= threshold {
            let file = try await stage(fetch, in: tree)
            let version = try await store.download(object, into: file) { progress.finished(bytes: Int64($0)) }
            return Arrival(fetch: fetch, etag: version.etag, sha256: nil)
        }
        let content = try await store.get(object.key)
        guard content.info.size > Lanes.small else {
            let bytes = try await content.collect(upTo: Int(Lanes.small))
            try await FileIO.run {
                try tree.writeFile(fetch.path, bytes, modified: object.lastModified, expecting: fetch.expected)
            }
            progress.finished(bytes: Int64(bytes.readableBytes))
            return Arrival(fetch: fetch, etag: content.info.etag, sha256: contentHash(bytes))
        }
        let file = try await stage(fetch, in: tree)
        var offset: Int64 = 0
        for try await chunk in content.chunks {
            let start = offset
            try await FileIO.run { try file.write(chunk, at: start) }
            offset += Int64(chunk.readableBytes)
            progress.finished(bytes: Int64(chunk.readableBytes))
        }
        return Arrival(fetch: fetch, etag: content.info.etag, sha256: nil)
    }

    private func stage(_ fetch: PullPlan.Fetch, in tree: StagedTree) async throws -> File {
        try await FileIO.run {
            try tree.stage(fetch.path, modified: fetch.object.lastModified, expecting: fetch.expected)
        }
    }
}
