import FileIO
import ObjectStore
import Repository

/// A file that a source offers.
enum OfferedFile: Sendable {
    /// A file of a snapshot.
    case entry(Entry)
    /// An object of the mirror view. Its content is known only if it was the same when it was looked at last, or once it
    /// was fetched.
    case object(ObjectInfo, path: RelativePath, digest: Digest?)

    var path: RelativePath {
        switch self {
        case .entry(let entry): entry.path
        case .object(_, let path, _): path
        }
    }

    /// In bytes.
    var size: Int64 {
        switch self {
        case .entry(let entry): entry.size
        case .object(let object, _, _): object.size
        }
    }

    /// When it last changed, in nanoseconds since 1970; `nil` if the store does not say.
    var modified: Int64? {
        switch self {
        case .entry(let entry): entry.modified
        case .object(let object, _, _): object.lastModified
        }
    }

    /// SHA-256 of the content, if it is known.
    var digest: Digest? {
        switch self {
        case .entry(let entry): entry.digest
        case .object(_, _, let digest): digest
        }
    }

    /// Tag of the object; the files of a snapshot have none.
    var tag: String? {
        switch self {
        case .entry: nil
        case .object(let object, _, _): object.etag?.text
        }
    }

    /// What the file may be used for here. An agent's memory is private, so only the owner's permissions come back, and it
    /// is always readable and writable.
    var permissions: UInt32 {
        switch self {
        case .entry(let entry): entry.mode & 0o700 | 0o600
        case .object: 0o600
        }
    }

    /// As a comparison sees it.
    var version: PathVersion { .content(digest, modified: modified ?? .max) }

    /// An order of all versions of a file that is the same on every machine.
    /// - Parameters:
    ///   - modified: when the file here changed.
    ///   - digest: of the file here; known if the sizes are equal.
    func isLater(than modified: Int64, size: Int64, digest: Digest?) -> Bool {
        guard let own = self.modified else { return true }
        if own != modified { return own > modified }
        if self.size != size { return self.size > size }
        return digest.flatMap { digest in self.digest.map { digest < $0 } } ?? false
    }
}
