import AgentFiles
import FileIO
import Logging
import NIOCore
import ObjectStore

/// The mirror view as a source: one object for each file, whose content is known only once it is fetched.
struct MirrorSource: Sendable {
    let workspace: Workspace
    /// By the paths that they ask for.
    let objects: [[UInt8]: ObjectInfo]
    /// Checkpoint of the last look at the view.
    let checkpoint: MirrorCheckpoint?

    /// Lists the view.
    static func open(_ workspace: Workspace) async throws -> MirrorSource {
        var objects: [[UInt8]: ObjectInfo] = [:]
        for object in try await workspace.mirrorObjects() {
            objects[workspace.location.mirroredPath(object.key)] = object
        }
        return MirrorSource(
            workspace: workspace, objects: objects, checkpoint: await workspace.mirrorCheckpoint())
    }

    /// An object whose tag is still the one of then has the content of then; one of the size of the file here is compared
    /// with that by the store.
    func identify(_ files: [OfferedFile], _ here: inout LocalObservation) async throws -> [OfferedFile] {
        let seen = here
        let identified = Collected<(path: RelativePath, digest: Digest)>()
        let read = Collected<(path: RelativePath, digest: Digest)>()
        let storage = workspace.storage
        let root = here.files.isEmpty ? nil : try await FileIO.run { try File.open(storage, [.read, .directory]) }
        try await Lanes.run(files, concurrency: workspace.concurrency, size: \.size) { file in
            guard case .object(let object, let path, _) = file else { return }
            let remembered = checkpoint?.digest(of: path, tag: object.etag)
            if let remembered { return identified.add((path, remembered)) }
            guard let root, seen.status(of: path)?.size == object.size else { return }
            let content = try await LocalFiles(root: root).read(path)
            guard content.status.size == object.size, try await workspace.store.holds(content.body, as: object) else {
                return
            }
            let digest = try await content.digest()
            identified.add((path, digest))
            read.add((path, digest))
        }
        for (path, digest) in read.all { here.digests[path] = digest }
        let digests = Dictionary(identified.all.map { ($0.path, $0.digest) }) { first, _ in first }
        return files.map { file in
            guard case .object(let object, let path, _) = file, let digest = digests[path] else { return file }
            return .object(object, path: path, digest: digest)
        }
    }

    /// Tags of the objects whose content is known now.
    func tags(of offered: [OfferedFile], fetched: [RestorePlan.Fetch]) -> [RelativePath: String] {
        var tags: [RelativePath: String] = [:]
        for file in offered { tags[file.path] = file.digest == nil ? checkpoint?.tag(of: file.path) : file.tag }
        for fetch in fetched { tags[fetch.file.path] = fetch.file.tag }
        return tags
    }

    func fetch(_ fetches: [RestorePlan.Fetch], into tree: StagedTree) async throws -> [RestorePlan.Fetch] {
        let arrived = Collected<RestorePlan.Fetch>()
        try await Lanes.run(fetches, concurrency: workspace.concurrency, size: \.file.size) { fetch in
            guard case .object(let object, let path, _) = fetch.file else { return }
            let (version, digest) = try await download(object, path, fetch.expected, into: tree)
            arrived.add(
                RestorePlan.Fetch(
                    file: .object(
                        ObjectInfo(
                            key: object.key, size: version.size, etag: version.etag,
                            // The time that the file got.
                            lastModified: object.lastModified), path: path, digest: digest),
                    expected: fetch.expected))
            workspace.progress.finished(files: 1)
            workspace.logger.debug("Downloaded from S3", metadata: ["objectKey": "\(object.key)"])
        }
        return arrived.all.sorted { $0.file.path < $1.file.path }
    }

    /// - Returns: the version that was read, and its digest.
    private func download(
        _ object: ObjectInfo, _ path: RelativePath, _ expected: StagedTree.Expectation, into tree: StagedTree
    ) async throws -> (ObjectInfo, Digest) {
        let (store, progress) = (workspace.store, workspace.progress)
        if let threshold = store.capabilities.rangedReadThreshold, object.size >= threshold {
            let file = try await stage(object, path, expected, in: tree)
            let version = try await store.download(object, into: file) { progress.finished(bytes: Int64($0)) }
            return (version, try await FileIO.run { try Digest(of: file) })
        }
        let content = try await store.get(object.key)
        guard content.info.size > Lanes.small else {
            let bytes = try await content.collect(upTo: Int(Lanes.small))
            try await FileIO.run {
                try tree.writeFile(path, bytes, modified: object.lastModified, expecting: expected)
            }
            progress.finished(bytes: Int64(bytes.readableBytes))
            return (content.info, Digest(of: bytes))
        }
        let file = try await stage(object, path, expected, in: tree)
        var whole = DigestHasher()
        var offset: Int64 = 0
        for try await chunk in content.chunks {
            let start = offset
            try await FileIO.run { try file.write(chunk, at: start) }
            whole.update(chunk)
            offset += Int64(chunk.readableBytes)
            progress.finished(bytes: Int64(chunk.readableBytes))
        }
        return (content.info, whole.digest)
    }

    private func stage(
        _ object: ObjectInfo, _ path: RelativePath, _ expected: StagedTree.Expectation, in tree: StagedTree
    ) async throws -> File {
        try await FileIO.run { try tree.stage(path, modified: object.lastModified, expecting: expected) }
    }
}
