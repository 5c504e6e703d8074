import ArgumentParser
import Basics
import FileIO
import FoundationEssentials
import Holdfast
import ObjectStore
import Repository

struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the files of a snapshot, with sizes and times.",
        discussion: """
            Without --at, the newest snapshot. A memory that no snapshot was made of yet, as other tools write it, is \
            listed by its objects in the mirror view; --source mirror does that in any case.
            """)

    /// Where the list is taken from.
    enum Source: String, ExpressibleByArgument, CaseIterable { case snapshot, mirror }

    @Argument(help: ArgumentHelp("Only files whose paths start with this.", valueName: "prefix")) var start = ""
    @Option(help: ArgumentHelp("The snapshot, as holdfast log shows it.", valueName: "snapshot")) var at: String?
    @Option(help: "What to list: the snapshot, or the mirror view's objects.") var source: Source?
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        if at != nil, source == .mirror { throw ValidationError("--at and --source mirror exclude each other.") }
    }

    func run() async throws {
        let (start, at, source) = (start, at, source)
        try await perform("ls", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                if source != .mirror, let found = try await session.snapshot(named: at) {
                    let listing = Listing(found.snapshot, found.manifest, start: start)
                    return show(
                        listing, console, "No file of snapshot \(found.snapshot.shortID) starts with that path.")
                }
                if source == .snapshot {
                    console.report(Listing(source: .snapshot, objects: []))
                    return session.sayEmpty()
                }
                let listing = try await mirror(session, start)
                if source == nil, !listing.objects.isEmpty {
                    console.note("no snapshot yet: these are the objects of the mirror view", isWarning: false)
                }
                show(listing, console, "Nothing at \(session.address).")
            }
        }
    }
}

private func mirror(_ session: Session, _ start: String) async throws -> Listing {
    let prefix = session.location.mirrorPrefix
    let objects = try await session.store.list(prefix: prefix + start).collect().sorted { $0.key < $1.key }
    return Listing(source: .mirror, objects: objects.map { Listed($0, below: prefix) })
}

private func show(_ listing: Listing, _ console: Console, _ nothing: String) {
    console.report(listing)
    for file in listing.objects {
        let size = Figures.bytes(file.size)
        let time = listing.source == .snapshot ? "  \(Times.text(file.modified))" : ""
        let space = String(repeating: " ", count: max(0, 9 - size.count))
        console.say("\(space)\(size)\(time)  \(printable(file.path.utf8))")
    }
    if listing.objects.isEmpty { console.note(nothing, isWarning: false) }
}

/// What `ls --json` prints.
private struct Listing: Encodable {
    let success = true
    let source: List.Source
    @OrNull var snapshot: String?
    let objectCount: Int
    let totalBytes: Int64
    let objects: [Listed]

    init(source: List.Source, snapshot: String? = nil, objects: [Listed]) {
        self.source = source
        _snapshot = OrNull(wrappedValue: snapshot)
        self.objects = objects
        objectCount = objects.count
        totalBytes = objects.reduce(0) { $0 + $1.size }
    }

    init(_ snapshot: Snapshot, _ manifest: Manifest, start: String) {
        let files = manifest.entries.filter { $0.path.bytes.starts(with: start.utf8) }
        self.init(source: .snapshot, snapshot: snapshot.id.hexadecimal, objects: files.map(Listed.init))
    }
}

extension List.Source: Encodable {}

private struct Listed: Encodable {
    /// Below the storage directory.
    let path: String
    let size: Int64
    /// Of a file, by the clock of the machine that it comes from; of an object, by the store's.
    @OrNull var lastModified: Date?
    @OrNull var etag: String?
    @OrNull var sha256: String?
    /// Nanoseconds since 1970.
    let modified: Int64

    enum CodingKeys: CodingKey { case path, size, lastModified, etag, sha256 }

    init(_ object: ObjectInfo, below prefix: String) {
        path = String(decoding: object.key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        size = object.size
        modified = object.lastModified ?? 0
        _lastModified = OrNull(wrappedValue: object.lastModified.map { Date(timeIntervalSince1970: Double($0) / 1e9) })
        _etag = OrNull(wrappedValue: object.etag?.text)
        _sha256 = OrNull(wrappedValue: nil)
    }

    init(_ entry: Entry) {
        path = entry.path.utf8String ?? "\(entry.path)"
        size = entry.size
        modified = entry.modified
        _lastModified = OrNull(wrappedValue: Date(timeIntervalSince1970: Double(entry.modified) / 1e9))
        _etag = OrNull(wrappedValue: nil)
        _sha256 = OrNull(wrappedValue: entry.digest.hexadecimal)
    }
}
