import AgentFiles
import Basics
import FileIO
import Glibc

/// Which directory each watch of an ``Inotify`` queue stands for, kept right while directories come, go and move.
///
/// A new directory is watched first and looked into after, so that what appears in between is seen twice rather than
/// never. Every method blocks.
struct WatchTable: Sendable {
    /// What a watched directory is for; one directory may be both.
    private struct Place: Sendable {
        /// The path below the storage directory, `nil` for it itself.
        var storage: RelativePath?
        var isStorage = false
        /// The directory's own path, where databases lie.
        var databases: [UInt8]?
    }

    private let places: WatchedPlaces
    private let queue: Inotify
    private var watched: [Int32: Place] = [:]
    /// Directories were there that could not be watched: the system allows no more watches.
    private(set) var isIncomplete = false
    /// A directory that must be watched has gone, or another one may have its name: ``rebuild()`` is needed.
    private(set) var isStale = true
    /// Directories that must be watched and were not there.
    private var missing: [String] = []

    init(_ places: WatchedPlaces, _ queue: Inotify) {
        (self.places, self.queue) = (places, queue)
    }

    /// Those of all watched directories; a directory that is replaced has another one.
    var watches: Set<Int32> { Set(watched.keys) }

    /// Watches anew what has gone or has appeared.
    /// - Returns: whether other directories are watched now.
    mutating func lookAgain() -> Bool {
        guard isStale || missing.contains(where: { (try? File.open($0, [.read, .directory])) != nil }) else {
            return false
        }
        let before = watches
        rebuild()
        return watches != before
    }

    /// Watches all there is. What was watched before and is still there stays watched without a gap.
    mutating func rebuild() {
        let before = watched
        watched = [:]
        isIncomplete = false
        isStale = false
        missing = []
        for directory in places.databaseDirectories {
            guard let watch = add(Array(directory.utf8)) else {
                missing.append(directory)
                continue
            }
            watched[watch, default: Place()].databases = Array(directory.utf8)
        }
        if !watchStorage(nil) { missing.append(places.storage) }
        for watch in before.keys where watched[watch] == nil { queue.remove(watch) }
    }

    /// - Returns: `nil` if it is not there, may not be read, or there are too many.
    private mutating func add(_ directory: [UInt8]) -> Int32? {
        do throws(FileError) { return try queue.add(directory) } catch {
            if error.code == ENOSPC || error.code == ENOMEM { isIncomplete = true }
            return nil
        }
    }

    private func absolute(_ path: RelativePath?) -> [UInt8] {
        Array(places.storage.utf8) + (path.map { [UInt8(ascii: "/")] + $0.bytes } ?? [])
    }

    /// Watches a directory of the storage directory and all below it.
    /// - Returns: whether it is there.
    @discardableResult
    private mutating func watchStorage(_ top: RelativePath?) -> Bool {
        var pending = [top]
        var isThere = false
        while let path = pending.popLast() {
            if let path, places.exclusions.rule(forDirectory: path) != nil { continue }
            guard let watch = add(absolute(path)) else { continue }
            if path == top { isThere = true }
            watched[watch, default: Place()].storage = path
            watched[watch, default: Place()].isStorage = true
            guard let directory = try? File.open(absolute(path), [.read, .directory]),
                let entries = try? directory.entries()
            else { continue }
            for entry in entries where entry.kind == .directory {
                pending.append(RelativePath(listed: entry.name, in: path))
            }
        }
        return isThere
    }

    /// Forgets a directory of the storage directory and all below it: it has moved away.
    private mutating func forgetStorage(_ top: RelativePath) {
        let prefix = top.bytes + [UInt8(ascii: "/")]
        for (watch, place) in watched where place.isStorage {
            guard let path = place.storage, path == top || path.bytes.starts(with: prefix) else { continue }
            if place.databases == nil {
                watched[watch] = nil
                queue.remove(watch)
            } else {
                watched[watch]?.isStorage = false
            }
        }
    }

    /// Takes events, and follows the directories that they tell of.
    /// - Returns: the files that changed, each with its path from the root or below the storage directory.
    mutating func take(_ events: [Inotify.Event]) -> [[UInt8]] {
        var changed: [[UInt8]] = []
        for event in events {
            if event.isOverflow {
                rebuild()
                changed.append(Array(places.storage.utf8))
                continue
            }
            guard let place = watched[event.watch] else { continue }
            if event.has(IN_IGNORED) {
                watched[event.watch] = nil
                if place.databases != nil || place.isStorage && place.storage == nil { isStale = true }
                continue
            }
            if event.name.isEmpty {
                // The directory itself: for one below another, that one tells as well.
                if place.databases != nil || place.storage == nil { isStale = true }
                continue
            }
            if let directory = place.databases { takeDatabase(event, directory, &changed) }
            if place.isStorage { takeStorage(event, place.storage, &changed) }
        }
        return changed
    }

    private mutating func takeDatabase(_ event: Inotify.Event, _ directory: [UInt8], _ changed: inout [[UInt8]]) {
        if event.isDirectory {
            if event.name == places.storageName { isStale = true }
        } else if let database = places.database(of: event.name) {
            // Who only reads a database opens it for writing all the same, and makes a log or removes an empty one. What
            // is written to either is told as such.
            let isLog = database != event.name
            if event.has(IN_CLOSE_WRITE) || isLog && event.has(IN_CREATE | IN_DELETE) { return }
            changed.append(directory + [UInt8(ascii: "/")] + database)
        }
    }

    private mutating func takeStorage(_ event: Inotify.Event, _ parent: RelativePath?, _ changed: inout [[UInt8]]) {
        let path = RelativePath(listed: event.name, in: parent)
        if event.isDirectory {
            guard places.exclusions.rule(forDirectory: path) == nil else { return }
            // One that is deleted is empty, and its watch ends by itself.
            if event.has(IN_MOVED_FROM) { forgetStorage(path) }
            if event.has(IN_CREATE | IN_MOVED_TO) { watchStorage(path) }
            guard event.has(IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_MOVED_TO) else { return }
            changed.append(path.bytes)
        } else if places.exclusions.rule(for: path) == nil {
            changed.append(path.bytes)
        }
    }
}
