import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

extension Verification {
    // MARK: Roots

    /// Reads root and pack list of every manifest, and compares them with the commit.
    func readRoots() async throws {
        let snapshots = state.withLockedValue { $0.snapshots.map(\.snapshot) }
        try await forEachConcurrently(snapshots.enumerated(), limit: repository.concurrency) { [self] index, snapshot in
            let key = repository.key(ofPack: snapshot.commit.manifest.pack)
            do {
                let (root, packs) = try await repository.root(of: snapshot)
                take(root, packs, snapshot.commit, index)
            } catch {
                let problem = try ObjectProblem(error)
                state.withLockedValue { state in
                    // It is needed all the same.
                    let pack = state.index(of: snapshot.commit.manifest.pack)
                    state.sizes[pack].insert(Int64(snapshot.commit.manifest.packSize))
                    state.add(problem, key, snapshot: index, unnamed: snapshot.commit.files)
                }
            }
        }
    }

    private func take(_ root: ManifestRoot, _ packs: [PackUse], _ commit: Commit, _ index: Int) {
        let place = commit.manifest
        state.withLockedValue { state in
            for blob in [place.root, place.packList].compactMap(\.self) { state.note(blob: blob) }
            state.snapshots[index].bytes = root.bytes
            state.snapshots[index].pages = root.pages.map { state.index(of: $0) }
            for page in root.pages { state.note(blob: page.blob) }
            for use in packs {
                let isOwn = use.pack == Pack.own
                let pack = state.index(of: isOwn ? place.pack : use.pack)
                state.sizes[pack].insert(isOwn ? Int64(place.packSize) : use.size)
                state.snapshots[index].packs.insert(pack)
            }
            if root.files != commit.files || root.bytes != commit.bytes {
                state.add(
                    ObjectProblem(reason: "it does not say how many files and bytes its manifest has"),
                    repository.key(of: state.snapshots[index].snapshot.name), snapshot: index)
            }
            guard root.pages.reduce(0, { $0 + $1.files }) != root.files else { return }
            state.add(
                ObjectProblem(reason: "the pages of a manifest do not have the files that its root says"),
                repository.key(ofPack: place.pack), snapshot: index)
        }
    }

    // MARK: Pages

    /// Reads every page once, however many manifests have it.
    func readPages() async throws {
        let pages = state.withLockedValue { $0.pages.map(\.blob) }
        try await read(Array(pages.enumerated()), blob: \.element) { [self] page, bytes in
            let (index, blob) = page
            do {
                let entries = try Self.entries(try bytes.get(), of: blob, repository)
                state.withLockedValue { $0.take(entries, page: index, repository) }
            } catch {
                let problem = try ObjectProblem(error)
                state.withLockedValue { $0.add(problem, repository.key(ofPack: blob.frame.pack), page: index) }
            }
        }
    }

    static func entries(_ bytes: ByteBuffer, of blob: BlobReference, _ repository: Repository) throws -> [Entry] {
        do throws(FormatError) {
            var entries: [Entry] = []
            try ManifestPage.decode(bytes, in: blob.frame.pack, into: &entries)
            return entries
        } catch {
            throw error.about(repository.key(ofPack: blob.frame.pack))
        }
    }

    // MARK: Chunk lists

    /// Reads every chunk list once, and compares the lists with their files.
    func readChunkLists() async throws {
        let files = state.withLockedValue { $0.largeFiles }
        let lists = Array(Set(files.flatMap(\.lists))).sorted {
            ($0.frame.pack, $0.digest) < ($1.frame.pack, $1.digest)
        }
        let found = NIOLockedValueBox<[BlobReference: (bytes: Int64, packs: Set<Digest>)]>([:])
        try await read(lists, blob: \.self) { [self] list, bytes in
            let key = repository.key(ofPack: list.frame.pack)
            do {
                let chunks = try Self.chunks(try bytes.get(), in: list.frame.pack, key)
                found.withLockedValue { $0[list] = (total(chunks), Set(chunks.map(\.frame.pack))) }
                state.withLockedValue { state in for chunk in chunks { state.take(chunk, repository) } }
            } catch {
                let problem = try ObjectProblem(error)
                state.withLockedValue { state in
                    state.add(problem, key)
                    state.hurt(list)
                }
            }
        }
        let sums = found.withLockedValue { $0 }
        for file in files {
            let parts = file.lists.compactMap { sums[$0] }
            guard parts.count == file.lists.count else { continue }
            let isComplete = parts.reduce(0) { $0 &+ $1.bytes } == file.size
            let isListed = parts.allSatisfy { $0.packs.isSubset(of: file.packs) }
            guard !isComplete || !isListed else { continue }
            let reason = isComplete ? "lie in packs that it does not list" : "do not add up to its size"
            state.withLockedValue { state in
                let key = repository.key(ofPack: state.pages[file.page].blob.frame.pack)
                state.add(
                    ObjectProblem(reason: "the chunks of '\(file.path)' \(reason)"), key, page: file.page, file.path)
            }
        }
    }

    private static func chunks(
        _ bytes: ByteBuffer, in pack: Digest, _ key: ObjectKey
    ) throws -> [BlobReference] {
        do throws(FormatError) { return try ChunkList.decode(bytes, in: pack) } catch { throw error.about(key) }
    }

    // MARK: Manifests as a whole

    /// Checks of every snapshot what no page knows by itself.
    func checkManifests() {
        state.withLockedValue { state in
            for (index, checked) in state.snapshots.enumerated() {
                guard let bytes = checked.bytes else { continue }
                let pages = checked.pages.compactMap { state.pages[$0].content }
                guard pages.count == checked.pages.count else { continue }
                let place = checked.snapshot.commit.manifest
                let key = repository.key(ofPack: place.pack)
                var last: RelativePath?
                for page in pages {
                    if let last, let first = page.first, !(last < first) {
                        state.add(
                            ObjectProblem(reason: "the pages of a manifest are out of order"), key, snapshot: index)
                    }
                    last = page.last ?? last
                }
                if pages.reduce(0, { $0 &+ $1.bytes }) != bytes {
                    state.add(
                        ObjectProblem(reason: "the files of a manifest do not add up to what its root says"), key,
                        snapshot: index)
                }
                // Prune believes the list.
                if !checked.packs.isSuperset(of: pages.flatMap(\.packs) + [state.index(of: place.pack)]) {
                    state.add(
                        ObjectProblem(reason: "a manifest needs packs that it does not list"), key, snapshot: index)
                }
            }
        }
    }
}

extension Verification.State {
    /// Adds a problem of a page, which every snapshot has that has the page.
    mutating func add(_ problem: ObjectProblem, _ key: ObjectKey, page: Int, _ path: RelativePath? = nil) {
        add(problem, key, unnamed: path == nil ? pages[page].files : 0)
        if let path { findings[key]?.paths.insert(path) }
        let holders = snapshots.indices.filter { snapshots[$0].pages.contains(page) }
        findings[key]?.snapshots.formUnion(holders)
    }

    /// For each page, the snapshots that have it.
    func snapshotsOfPages() -> [Int: [Int]] {
        var found: [Int: [Int]] = [:]
        for (index, checked) in snapshots.enumerated() {
            for page in Set(checked.pages) { found[page, default: []].append(index) }
        }
        return found
    }

    fileprivate mutating func take(_ entries: [Entry], page index: Int, _ repository: Repository) {
        guard entries.count == pages[index].files else {
            return add(
                ObjectProblem(reason: "a page of a manifest does not have the files that the root says"),
                repository.key(ofPack: pages[index].blob.frame.pack), page: index)
        }
        var content = Verification.Page.Content(first: entries.first?.path, last: entries.last?.path)
        var packs: Set<Int> = [self.index(of: pages[index].blob.frame.pack)]
        for entry in entries {
            content.bytes &+= entry.size
            for blob in entry.references {
                packs.insert(self.index(of: blob.frame.pack))
                take(blob, repository)
            }
            guard case .chunkLists(let lists, let listed) = entry.content else { continue }
            for pack in listed { packs.insert(self.index(of: pack)) }
            largeFiles.append(
                Verification.LargeFile(page: index, path: entry.path, size: entry.size, lists: lists, packs: listed))
        }
        content.packs = packs.sorted()
        pages[index].content = content
    }

    /// Notes a blob, which must lie in its pack.
    fileprivate mutating func take(_ blob: BlobReference, _ repository: Repository) {
        note(blob: blob)
        _ = index(of: blob.frame.pack)
        guard let size = listed[blob.frame.pack], Int64(blob.frame.range.upperBound) > size else { return }
        hurt(blob)
        add(ObjectProblem(reason: "blobs lie behind its end"), repository.key(ofPack: blob.frame.pack))
    }
}
