import FileIO

/// Names that came from a store, sorted into those that may be written and those that must not.
///
/// A store's keys are input: anyone who may write to the bucket chooses them. Nothing is written before all names of a
/// set were looked at, since two of them may be harmless alone and collide together. The same check before a save tells
/// which files could not be restored.
///
/// Of names that are the same on some file system (other case, or composed and decomposed accents) **one is accepted**:
/// the one that is already on this disk with exactly these bytes, else the first in byte order. Refusing all of them
/// would lose a file that is in nobody's way; accepting two would let one overwrite the other where the file system
/// folds case. Several that are all on this disk are all accepted: this file system can evidently tell them apart.
/// Where a file stands in the way of a directory, the file is refused, since more may lie below the directory.
public struct SafePaths: Sendable, Equatable {
    /// A name that must not be written.
    public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        /// The name as it was given.
        public let path: [UInt8]
        public let reason: Reason

        public init(path: [UInt8], reason: Reason) { (self.path, self.reason) = (path, reason) }

        public var description: String { "'\(printable(path))' cannot be written: \(reason)" }

        /// What a person may do about it.
        public static let hint = "Rename what is named where it was made, then run the command again."
    }

    /// May be written together, in byte order.
    public internal(set) var accepted: [RelativePath] = []
    /// Must not be written, in byte order.
    public internal(set) var refused: [Refusal] = []

    /// Looks at a set of names.
    /// - Parameters:
    ///   - paths: names below the storage directory as a store has them, such as what follows `storage/` in a key.
    ///   - existing: files on this disk that will still be there when the names are written.
    public static func check(_ paths: some Sequence<[UInt8]>, existing: [RelativePath] = []) -> SafePaths {
        var candidates: [RelativePath] = []
        var refused: [Refusal] = []
        for path in paths {
            switch validated(path) {
            case .success(let path): candidates.append(path)
            case .failure(let refusal): refused.append(refusal)
            }
        }
        return SafePaths(candidates, existing: existing, refused)
    }

    /// Looks at a set of paths.
    public static func check(_ paths: [RelativePath], existing: [RelativePath] = []) -> SafePaths {
        var candidates: [RelativePath] = []
        var refused: [Refusal] = []
        candidates.reserveCapacity(paths.count)
        for path in paths {
            if let reason = problem(of: path) {
                refused.append(Refusal(path: path.bytes, reason: reason))
            } else {
                candidates.append(path)
            }
        }
        return SafePaths(candidates, existing: existing, refused)
    }

    private init(_ candidates: [RelativePath], existing: [RelativePath], _ refused: [Refusal]) {
        var collisions = PathCollisions(candidates: candidates, existing: existing)
        collisions.resolve()
        accepted = collisions.accepted
        self.refused = (refused + collisions.refused).sorted { $0.path.lexicographicallyPrecedes($1.path) }
    }

    /// What a name tells by itself.
    static func validated(_ path: [UInt8]) -> Result<RelativePath, Refusal> {
        func refuse(_ reason: Reason) -> Result<RelativePath, Refusal> { .failure(Refusal(path: path, reason: reason)) }
        let slash = UInt8(ascii: "/")
        if path.isEmpty { return refuse(.empty) }
        if path.count > TreeWalk.longestPath { return refuse(.pathTooLong) }
        if path.first == slash { return refuse(.absolute) }
        var names = path.split(separator: slash, omittingEmptySubsequences: false)
        let isDirectory = names.last?.isEmpty == true
        if isDirectory { names.removeLast() }
        for name in names {
            if name.isEmpty { return refuse(.emptyComponent) }
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { return refuse(.dotComponent) }
            if let reason = name.withUnsafeBufferPointer(problem(ofName:)) { return refuse(reason) }
        }
        if isDirectory { return refuse(.directory) }
        guard let valid = RelativePath(path) else { return refuse(.dotComponent) }
        return .success(valid)
    }

    private static func problem(of path: RelativePath) -> Reason? {
        path.bytes.withUnsafeBufferPointer { bytes in
            if bytes.count > TreeWalk.longestPath { return .pathTooLong }
            var start = 0
            for end in 0...bytes.count where end == bytes.count || bytes[end] == UInt8(ascii: "/") {
                if let reason = problem(ofName: UnsafeBufferPointer(rebasing: bytes[start..<end])) { return reason }
                start = end + 1
            }
            return nil
        }
    }

    /// - Parameter name: in memory as it is: ten thousand are looked at before the first file of a restore is written.
    private static func problem(ofName name: UnsafeBufferPointer<UInt8>) -> Reason? {
        if name.count > 255 { return .componentTooLong }
        if name.contains(UInt8(ascii: "\\")) { return .backslash }
        if name.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return .controlCharacter }
        if StagingName.matches(name) { return .reserved }
        return nil
    }
}

extension SafePaths {
    /// Why a name must not be written.
    public enum Reason: Sendable, Hashable, CustomStringConvertible {
        case empty
        /// Starts with `/`.
        case absolute
        /// `//` inside.
        case emptyComponent
        /// `.` or `..` as a component.
        case dotComponent
        /// A separator on other systems: `..\x` would leave the directory there.
        case backslash
        /// NUL, the other C0 controls and DEL. No agent makes such names; a NUL cuts a name short, XML 1.0 cannot carry
        /// most of the others in a listing (§2.2), and a line break makes two lines of one in every text tool.
        case controlCharacter
        /// More than 255 bytes (`NAME_MAX`).
        case componentTooLong
        /// More than 4096 bytes (`PATH_MAX`).
        case pathTooLong
        /// Ends in `/`: not a file but the marker that some consoles write for a folder. Nothing is lost without it.
        case directory
        /// A name that Holdfast uses for its own temporary directories, or for databases.
        case reserved
        /// The same name is in the set more than once.
        case duplicate
        /// Another name differs only in upper and lower case.
        case sameIgnoringCase(RelativePath)
        /// Another name differs only in how accents are encoded (Unicode canonical equivalence).
        case sameWhenNormalized(RelativePath)
        /// A directory on the way is a file.
        case fileInTheWay(RelativePath)
        /// The name is that of a directory, which holds this file.
        case directoryInTheWay(holding: RelativePath)

        public var description: String {
            switch self {
            case .empty: "the name is empty"
            case .absolute: "it starts with '/'"
            case .emptyComponent: "a directory in it has no name"
            case .dotComponent: "it has '.' or '..' as a part"
            case .backslash: "it contains a backslash"
            case .controlCharacter: "it contains a control character"
            case .componentTooLong: "a name in it is longer than 255 bytes"
            case .pathTooLong: "it is longer than 4096 bytes"
            case .directory: "it names a directory"
            case .reserved: "the name is reserved"
            case .duplicate: "it is there twice"
            case .sameIgnoringCase(let other): "only upper and lower case tell it from '\(other)'"
            case .sameWhenNormalized(let other): "only the encoding of its accents tells it from '\(other)'"
            case .fileInTheWay(let file): "'\(file)' is a file, not a directory"
            case .directoryInTheWay(let file): "it is the directory of '\(file)'"
            }
        }
    }
}
