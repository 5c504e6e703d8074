import FileIO

/// Finds which of a set of paths could not lie side by side.
struct PathCollisions {
    /// A path, and what it is on a file system that folds names.
    private struct Candidate {
        let path: RelativePath
        let folded: FoldedName
    }

    private(set) var accepted: [RelativePath]
    private(set) var refused: [SafePaths.Refusal] = []
    private var candidates: [Candidate] = []
    private let existing: [RelativePath]

    init(candidates: [RelativePath], existing: [RelativePath]) {
        accepted = candidates.sorted()
        self.existing = existing
    }

    mutating func resolve() {
        guard mayCollide else { return }
        candidates = accepted.map { Candidate(path: $0, folded: FoldedName($0)) }
        defer { accepted = candidates.map(\.path) }
        refuseDuplicates()
        refuseSameNames()
        refuseBelowFiles()
        refuseDirectoryNames()
    }

    /// Whether any path may be in the way of another. Names of ASCII whose hashes all differ cannot, and are known for that
    /// in a tenth of the time that a closer look takes.
    private var mayCollide: Bool {
        var names = Set<UInt64>(minimumCapacity: existing.count + accepted.count)
        var hashing = NameHashing()
        for path in [existing, accepted].joined() {
            guard let hash = hashing.hash(of: path), names.insert(hash).inserted else { return true }
        }
        return !names.isDisjoint(with: hashing.directories)
    }

    private mutating func refuseDuplicates() {
        var previous: RelativePath?
        filter { candidate in
            defer { previous = candidate.path }
            return candidate.path == previous ? .duplicate : nil
        }
    }

    private mutating func refuseSameNames() {
        let exact = Set(existing)
        var taken: [FoldedName: RelativePath] = [:]
        taken.reserveCapacity(existing.count + candidates.count)
        for path in existing { taken[FoldedName(path)] = path }
        for candidate in candidates where exact.contains(candidate.path) { taken[candidate.folded] = candidate.path }
        filter { candidate in
            let path = candidate.path
            if exact.contains(path) { return nil }
            guard let other = taken[candidate.folded] else {
                taken[candidate.folded] = path
                return nil
            }
            // `==` on text is canonical equivalence, which is what normalising file systems use.
            if let text = path.utf8String, text == other.utf8String { return .sameWhenNormalized(other) }
            return .sameIgnoringCase(other)
        }
    }

    /// Files that stay on this disk stay files.
    private mutating func refuseBelowFiles() {
        let files = Dictionary(existing.map { (FoldedName($0), $0) }) { first, _ in first }
        guard !files.isEmpty else { return }
        filter { candidate in
            for ancestor in candidate.path.ancestors {
                if let file = files[FoldedName(ancestor)] { return .fileInTheWay(file) }
            }
            return nil
        }
    }

    private mutating func refuseDirectoryNames() {
        var directories: [FoldedName: RelativePath] = [:]
        var previous: RelativePath?
        for path in existing + candidates.map(\.path) where path.parent != previous {
            previous = path.parent
            for ancestor in path.ancestors { directories[FoldedName(ancestor)] = path }
        }
        filter { candidate in directories[candidate.folded].map { .directoryInTheWay(holding: $0) } }
    }

    private mutating func filter(_ reason: (Candidate) -> SafePaths.Reason?) {
        candidates.removeAll { candidate in
            guard let reason = reason(candidate) else { return false }
            refused.append(.init(path: candidate.path.bytes, reason: reason))
            return true
        }
    }
}

/// Hashes paths so that two which differ only in upper and lower case have the same.
private struct NameHashing {
    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a

    /// The hashes of all directories on the way.
    private(set) var directories: Set<UInt64> = []
    /// Files of one directory follow each other: it is looked at once. Its path is the start of this one's, with the slash.
    private var latest: RelativePath?
    private var directory: (length: Int, hash: UInt64) = (0, seed)

    /// - Returns: `nil` if the path is not ASCII.
    mutating func hash(of path: RelativePath) -> UInt64? {
        if latest?.sharesStart(directory.length, with: path) != true { directory = (0, Self.seed) }
        latest = path
        var hash = directory.hash
        let isASCII = path.bytes.withUnsafeBufferPointer { bytes in
            for position in directory.length..<bytes.count {
                let byte = bytes[position]
                if byte >= 0x80 { return false }
                let isSlash = byte == UInt8(ascii: "/")
                if isSlash { directories.insert(hash) }
                hash = (hash ^ UInt64(asciiLowercased(byte))) &* 0x100_0000_01B3
                if isSlash { directory = (position + 1, hash) }
            }
            return true
        }
        return isASCII ? hash : nil
    }
}

/// A path as a file system sees it that folds case and normalises: two equal values may be one file there.
private enum FoldedName: Hashable {
    /// Hashed and compared by canonical equivalence.
    case text(String)
    case bytes([UInt8])

    init(_ path: RelativePath) {
        if path.bytes.allSatisfy({ $0 < 0x80 }) {
            let text = String(unsafeUninitializedCapacity: path.bytes.count) { target in
                for (index, byte) in path.bytes.enumerated() { target[index] = asciiLowercased(byte) }
                return path.bytes.count
            }
            self = .text(text)
        } else if let text = path.utf8String {
            // Up and down again comes close to full case folding: `ß` meets `SS`, the final sigma the other one.
            self = .text(text.uppercased().lowercased())
        } else {
            self = .bytes(path.bytes.map(asciiLowercased))
        }
    }
}

/// The lower-case letter for an upper-case one of ASCII; other bytes as they are.
func asciiLowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}
