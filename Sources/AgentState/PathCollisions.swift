import FileIO

/// Finds which of a set of paths could not lie side by side.
struct PathCollisions {
    private(set) var accepted: [RelativePath]
    private(set) var refused: [SafePaths.Refusal] = []
    private let existing: [RelativePath]

    init(candidates: [RelativePath], existing: [RelativePath]) {
        accepted = candidates.sorted()
        self.existing = existing
    }

    mutating func resolve() {
        refuseDuplicates()
        refuseSameNames()
        refuseBelowFiles()
        refuseDirectoryNames()
    }

    private mutating func refuseDuplicates() {
        var previous: RelativePath?
        filter { path in
            defer { previous = path }
            return path == previous ? .duplicate : nil
        }
    }

    private mutating func refuseSameNames() {
        let exact = Set(existing)
        var taken: [FoldedName: RelativePath] = [:]
        for path in existing + accepted.filter(exact.contains) { taken[FoldedName(path)] = path }
        filter { path in
            if exact.contains(path) { return nil }
            let folded = FoldedName(path)
            guard let other = taken[folded] else {
                taken[folded] = path
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
        filter { path in
            for ancestor in path.ancestors {
                if let file = files[FoldedName(ancestor)] { return .fileInTheWay(file) }
            }
            return nil
        }
    }

    private mutating func refuseDirectoryNames() {
        var directories: [FoldedName: RelativePath] = [:]
        var previous: RelativePath?
        for path in existing + accepted where path.parent != previous {
            previous = path.parent
            for ancestor in path.ancestors { directories[FoldedName(ancestor)] = path }
        }
        filter { path in directories[FoldedName(path)].map { .directoryInTheWay(holding: $0) } }
    }

    private mutating func filter(_ reason: (RelativePath) -> SafePaths.Reason?) {
        var kept: [RelativePath] = []
        for path in accepted {
            if let reason = reason(path) {
                refused.append(.init(path: path.bytes, reason: reason))
            } else {
                kept.append(path)
            }
        }
        accepted = kept
    }
}

/// A path as a file system sees it that folds case and normalises: two equal values may be one file there.
private enum FoldedName: Hashable {
    /// Hashed and compared by canonical equivalence.
    case text(String)
    case bytes([UInt8])

    init(_ path: RelativePath) {
        if path.bytes.allSatisfy({ $0 < 0x80 }) {
            self = .text(String(decoding: path.bytes.map(asciiLowercased), as: UTF8.self))
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
