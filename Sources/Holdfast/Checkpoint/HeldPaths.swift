import Basics
import FileIO
import Logging

/// Paths whose removal waits, or that hold sessions whose removal waits.
struct HeldPaths: Codable, Sendable, Equatable {
    /// In hex: paths are bytes.
    private var paths: Set<String> = []

    init(_ paths: some Sequence<RelativePath> = []) { self.paths = Set(paths.map { Hexadecimal.text($0.bytes) }) }

    func contains(_ path: RelativePath) -> Bool { paths.contains(Hexadecimal.text(path.bytes)) }

    mutating func set(_ path: RelativePath, isMember: Bool) {
        if isMember { paths.insert(Hexadecimal.text(path.bytes)) } else { paths.remove(Hexadecimal.text(path.bytes)) }
    }
}

/// What the last push and the last pull have held back. It waits until somebody says that it is wanted: additions do not make
/// the removals a smaller part by and by.
struct HeldRecord: Codable, Sendable, Equatable {
    /// Missing here, kept in the store.
    var inStore = HeldPaths()
    /// Missing in the store, kept here.
    var here = HeldPaths()
    /// Databases here without some of the rows of the snapshot that they come from, which their schema has no room for: of
    /// what such a one lacks, nothing is known to be deleted.
    var partial = HeldPaths()
}

extension Workspace {
    /// Notes what is held back.
    func note(_ change: (inout HeldRecord) -> Void) async {
        let before = await localState.heldRecord()
        var record = before
        change(&record)
        guard record != before else { return }
        do { try await localState.write(record) } catch {
            logger.warning("Could not note what is held back", metadata: ["error": "\(error)"])
        }
    }
}
