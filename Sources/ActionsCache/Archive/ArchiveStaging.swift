import FileIO
import NIOConcurrencyHelpers
import NIOCore

/// The directories of an archive while they are written: each beside the place that it will take. Blocks.
final class ArchiveStaging: Sendable {
    private let roots: ArchiveRoots
    private let state = NIOLockedValueBox(State())

    private struct State {
        var stages: [Int: Stage] = [:]
        /// The directory written to last; members of one directory follow each other.
        var directory: (place: ArchiveRoots.Place, file: File)?
        var file: File?
        var offset: Int64 = 0
        var modified: Int64 = 0
        var directories: [(place: ArchiveRoots.Place, modified: Int64)] = []
    }

    private struct Stage {
        let parent: File
        /// Of the directory that is wanted.
        let name: [UInt8]
        let temporary: [UInt8]
        let directory: File
        /// Where the directory is kept that was there before.
        var aside: [UInt8]?
        var isInstalled = false
    }

    init(_ roots: ArchiveRoots) { self.roots = roots }

    /// Makes a member; the content of a file follows.
    func begin(_ placed: ArchiveCheck.Placed) throws {
        try state.withLockedValue { state in
            try Self.closeFile(&state)
            guard let path = placed.place.path else {
                _ = try directory(placed.place, &state)
                state.directories.append((placed.place, placed.member.modified))
                return
            }
            let above = ArchiveRoots.Place(root: placed.place.root, path: path.parent)
            let directory = try directory(above, &state)
            switch placed.member.kind {
            case .directory:
                try directory.makeDirectory(path.name, permissions: placed.member.permissions | 0o700)
                state.directories.append((placed.place, placed.member.modified))
            case .file:
                try Self.clear(path, directory)
                state.file = try File.open(
                    path.name, in: directory, [.write, .createNew, .noFollow], permissions: placed.member.permissions)
                (state.offset, state.modified) = (0, placed.member.modified)
            case .link(let target):
                try Self.clear(path, directory)
                try directory.makeSymbolicLink(path.name, to: target)
            case .hardLink:
                guard let source = placed.linked, let sourcePath = source.path, source != placed.place else { return }
                try Self.clear(path, directory)
                let from = try self.directory(
                    ArchiveRoots.Place(root: source.root, path: sourcePath.parent), &state)
                try from.link(sourcePath.name, to: path.name, in: directory)
            }
        }
    }

    func append(_ content: ByteBuffer) throws {
        try state.withLockedValue { state in
            try state.file?.write(content, at: state.offset)
            state.offset += Int64(content.readableBytes)
        }
    }

    /// Puts all directories into their places. If one cannot be, those before it are put back.
    func install() throws {
        try state.withLockedValue { state in
            try Self.closeFile(&state)
            for (place, modified) in state.directories { try setModified(place, modified, &state) }
            do {
                for root in state.stages.keys.sorted() { try install(&state.stages[root]) }
            } catch {
                for root in state.stages.keys { putBack(&state.stages[root]) }
                throw error
            }
        }
    }

    /// Removes what is not needed: after ``install()`` the directories that were there before, else those that were
    /// to come.
    func discard() {
        state.withLockedValue { state in
            (state.file, state.directory) = (nil, nil)
            for stage in state.stages.values {
                if stage.isInstalled, let aside = stage.aside { try? stage.parent.removeTree(aside) }
                if !stage.isInstalled { try? stage.parent.removeTree(stage.temporary) }
            }
        }
    }

    private func install(_ stage: inout Stage?) throws {
        guard let waiting = stage else { return }
        if try waiting.parent.statusIfPresent(of: waiting.name) != nil {
            let aside = FileIO.temporaryName(".holdfast-old-")
            try waiting.parent.rename(waiting.name, to: aside, in: waiting.parent)
            stage?.aside = aside
        }
        try waiting.parent.rename(waiting.temporary, to: waiting.name, in: waiting.parent)
        stage?.isInstalled = true
    }

    private func putBack(_ stage: inout Stage?) {
        guard let done = stage else { return }
        if done.isInstalled {
            guard (try? done.parent.rename(done.name, to: done.temporary, in: done.parent)) != nil else { return }
            stage?.isInstalled = false
        }
        if let aside = done.aside, (try? done.parent.rename(aside, to: done.name, in: done.parent)) != nil {
            stage?.aside = nil
        }
    }

    private static func closeFile(_ state: inout State) throws {
        guard let file = state.file else { return }
        state.file = nil
        try file.setModified(to: state.modified)
    }

    /// Makes room for what the archive holds twice.
    private static func clear(_ path: RelativePath, _ directory: File) throws {
        if try directory.statusIfPresent(of: path.name) != nil { try directory.remove(path.name) }
    }

    private func setModified(_ place: ArchiveRoots.Place, _ modified: Int64, _ state: inout State) throws {
        guard let path = place.path else {
            try state.stages[place.root]?.directory.setModified(to: modified)
            return
        }
        try directory(ArchiveRoots.Place(root: place.root, path: path.parent), &state)
            .setModified(of: path.name, to: modified)
    }

    /// Opens a directory, made where it is missing; no link is followed.
    private func directory(_ place: ArchiveRoots.Place, _ state: inout State) throws -> File {
        if let last = state.directory, last.place == place { return last.file }
        var current = try stage(place.root, &state).directory
        for name in place.path?.components ?? [] {
            try current.makeDirectory(name)
            current = try File.open(name, in: current, [.read, .directory, .noFollow])
        }
        state.directory = (place, current)
        return current
    }

    private func stage(_ root: Int, _ state: inout State) throws -> Stage {
        if let stage = state.stages[root] { return stage }
        let components = roots.roots[root].components
        guard let name = components.last else { throw CacheError.failed("the whole file system is no cache") }
        let above = components.dropLast().flatMap { [UInt8(ascii: "/")] + $0 }
        try makeDirectories(String(decoding: above, as: UTF8.self))
        let parent = try File.open(above.isEmpty ? [UInt8(ascii: "/")] : above, [.read, .directory])
        let temporary = FileIO.temporaryName(".holdfast-cache-")
        try parent.makeDirectory(temporary)
        let stage = Stage(
            parent: parent, name: name, temporary: temporary,
            directory: try File.open(temporary, in: parent, [.read, .directory, .noFollow]))
        state.stages[root] = stage
        return stage
    }
}
