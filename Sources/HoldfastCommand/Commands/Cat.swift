import ArgumentParser
import Basics
import FileIO
import FoundationEssentials
import Glibc
import Holdfast
import NIOCore
import Repository

struct Cat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Print the content of a file of a snapshot, byte by byte.",
        discussion: """
            Without --at, of the newest snapshot. Every piece is verified before it is printed. With --json, the \
            content is a member of the object, in Base64; files of more than 16 MiB are then refused.
            """)

    @Argument(help: ArgumentHelp("The path below the storage directory.", valueName: "path")) var path: String
    @Option(help: ArgumentHelp("The snapshot, as holdfast log shows it.", valueName: "snapshot")) var at: String?
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let (path, at) = (path, at)
        try await perform("cat", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                guard let found = try await session.snapshot(named: at) else {
                    throw RepositoryError(
                        .noSuchSnapshot, "'\(session.location)' has no snapshot yet", hint: "Run holdfast push first.")
                }
                let entries = found.manifest.entries
                guard let entry = entries.first(where: { $0.path.bytes.elementsEqual(path.utf8) }) else {
                    throw noSuchFile(path, entries, found.snapshot)
                }
                if console.isJSON {
                    console.reportContent(try await content(of: entry, found.snapshot, session.repository))
                } else {
                    try await write(entry, session.repository, console.world)
                }
            }
        }
    }
}

/// Nobody reads the output any more.
private struct ReaderLeft: Error {}

private func write(_ entry: Entry, _ repository: Repository, _ world: World) async throws {
    do {
        try await repository.read(entry) { piece in
            let code = try await FileIO.run { world.outBytes(piece) }
            // A reader that went away, as `head` does, has what it wants.
            if code == EPIPE { throw ReaderLeft() }
            guard code == 0 else { throw FileError("write", path: "standard output".utf8, code: code) }
        }
    } catch is ReaderLeft {}
}

private func content(of entry: Entry, _ snapshot: Snapshot, _ repository: Repository) async throws -> ContentReport {
    guard entry.size <= 16 << 20 else {
        throw SyncError(
            code: .tooLarge, message: "'\(entry.path)' has \(Figures.bytes(entry.size)), too much for a JSON object",
            hint: "Run the command without --json.")
    }
    let bytes = try await repository.content(of: entry)
    return ContentReport(
        snapshot: snapshot.id.hexadecimal, path: entry.path.text, size: entry.size, sha256: entry.digest.hexadecimal,
        modified: Times.text(entry.modified), base64: Data(bytes.readableBytesView).base64EncodedString())
}

/// What `cat --json` prints.
struct ContentReport: Encodable {
    let success = true
    let snapshot: String
    let path: String
    let size: Int64
    let sha256: String
    /// By the clock of the machine that the file comes from.
    let modified: String
    let base64: String
}

private func noSuchFile(_ path: String, _ entries: [Entry], _ snapshot: Snapshot) -> RepositoryError {
    let shown = printable(path.utf8)
    let directory = Array(path.utf8) + (path.hasSuffix("/") ? [] : [UInt8(ascii: "/")])
    if entries.contains(where: { $0.path.bytes.starts(with: directory) }) {
        return RepositoryError(
            .noSuchFile, "'\(shown)' is a directory of snapshot \(snapshot.shortID)",
            hint: "holdfast ls '\(printable(directory))' lists its files.")
    }
    let near = nearPaths(to: Array(path.utf8), in: entries.map(\.path)).map { "'\($0)'" }
    return RepositoryError(
        .noSuchFile, "snapshot \(snapshot.shortID) has no file '\(shown)'",
        hint: near.isEmpty
            ? "holdfast ls lists its files." : "Did you mean \(near.joined(separator: " or "))?")
}
