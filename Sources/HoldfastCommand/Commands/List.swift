import ArgumentParser
import FileIO
import FoundationEssentials
import Holdfast
import ObjectStore

struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the files of a memory in the store, with sizes.")

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        try await perform("ls", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                let prefix = session.location.mirrorPrefix
                let objects = try await session.store.list(prefix: prefix).collect().sorted { $0.key < $1.key }
                let files = objects.map { Listed($0, below: prefix) }
                console.report(Listing(files: files))
                for file in files { console.say("\(padded(file.size))  \(printable(file.path.utf8))") }
                if files.isEmpty { console.note("Nothing at \(session.address).", isWarning: false) }
            }
        }
    }

    private func padded(_ size: Int64) -> String {
        let text = Words.bytes(size)
        return String(repeating: " ", count: max(0, 9 - text.count)) + text
    }
}

/// What `ls --json` prints.
private struct Listing: Encodable {
    let success = true
    let objectCount: Int
    let totalBytes: Int64
    let objects: [Listed]

    init(files: [Listed]) {
        objects = files
        objectCount = files.count
        totalBytes = files.reduce(0) { $0 + $1.size }
    }
}

private struct Listed: Encodable {
    /// Below the storage directory.
    let path: String
    let size: Int64
    /// By the store's clock.
    let lastModified: Date?
    let etag: String?

    init(_ object: ObjectInfo, below prefix: String) {
        path = String(decoding: object.key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        size = object.size
        lastModified = object.lastModified.map { Date(timeIntervalSince1970: Double($0) / 1e9) }
        etag = object.etag?.text
    }

    enum CodingKeys: CodingKey { case path, size, lastModified, etag }

    /// `null` members stay, so that the shape is always the same.
    func encode(to encoder: any Encoder) throws {
        var entry = encoder.container(keyedBy: CodingKeys.self)
        try entry.encode(path, forKey: .path)
        try entry.encode(size, forKey: .size)
        try entry.encode(lastModified, forKey: .lastModified)
        try entry.encode(etag, forKey: .etag)
    }
}
