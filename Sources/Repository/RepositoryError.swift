import Basics
import ObjectStore

/// What is wrong with a memory, or with what was asked of it. What is wrong with a store is a ``StoreError``.
public struct RepositoryError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can do something about. The raw value is the code that scripts see.
    public enum Kind: String, Sendable, CaseIterable {
        /// An object is not what its name or its commit says: cut, altered, or missing.
        case damaged
        /// A newer version of Holdfast wrote it.
        case formatTooNew = "format-too-new"
        /// The memory belongs to another repository that has the same key.
        case wrongRepository = "wrong-repository"
        /// No snapshot has this name, or more than one.
        case noSuchSnapshot = "no-such-snapshot"
        /// The snapshot holds no such file.
        case noSuchFile = "no-such-file"
        /// Others saved at the same time, again and again.
        case conflict
        /// The save took so long that what it built upon may have been pruned.
        case tooSlow = "too-slow"
        /// The save would drop most of the memory.
        case shrinks
    }

    public let kind: Kind
    /// The object that it is about.
    public let key: ObjectKey?
    public let message: String
    /// What the person can do about it.
    public let hint: String?
    /// It is `damaged` because it does not exist: perhaps since a prune that ran at the same time.
    private(set) var isMissing = false

    public init(_ kind: Kind, key: ObjectKey? = nil, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.key = key
        self.message = message
        self.hint = hint
    }

    /// An object that is not what it should be.
    static func damaged(_ key: ObjectKey?, _ reason: String) -> RepositoryError {
        let name = key.map { "'\($0)' is damaged: " } ?? ""
        return RepositoryError(.damaged, key: key, name + reason)
    }

    /// An object that is not there.
    static func missing(_ key: ObjectKey) -> RepositoryError {
        var error = damaged(key, "it does not exist")
        error.isMissing = true
        return error
    }

    public var description: String { message }
}

/// Bytes that do not follow the format. Whoever knows which object they are from turns it into a ``RepositoryError``.
struct FormatError: Error, Equatable, CustomStringConvertible {
    let description: String
    /// The bytes are fine but of a newer format.
    var isTooNew = false

    init(_ description: String, isTooNew: Bool = false) {
        self.description = description
        self.isTooNew = isTooNew
    }

    func about(_ key: ObjectKey) -> RepositoryError {
        guard isTooNew else { return .damaged(key, description) }
        return RepositoryError(
            .formatTooNew, key: key, "'\(key)' was written by a newer version of Holdfast: \(description)",
            hint: "Update Holdfast on this machine.")
    }
}

extension RepositoryError.Kind {
    /// The same kind among those of all layers.
    public var code: FailureCode { FailureCode(rawValue: rawValue) ?? .failed }
}

extension RepositoryError: FailureConvertible {
    public var failure: Failure {
        var failure = Failure(code: kind.code, message: description, hint: hint)
        failure.key = key.map { "\($0)" }
        return failure
    }
}
