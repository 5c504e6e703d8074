import NIOCore
import ObjectStore

/// A file of the simulated agent.
package struct SimulatedFile: Sendable, Equatable {
    package let content: String
    /// By the clock of the machine that wrote it, in nanoseconds since 1970.
    package let modified: Int64

    package init(content: String, modified: Int64) {
        self.content = content
        self.modified = modified
    }
}

/// All files of a machine, by path.
package typealias Tree = [String: SimulatedFile]

/// What a machine remembers of the last snapshot it has synchronised with; each repository has its own kind.
package typealias Base = any Sendable

/// What a restore brought.
package struct RestoredTree: Sendable {
    /// The snapshot's name, as ``CommitFacts/id`` has it.
    package let id: String
    /// The files of the snapshot.
    package let files: Tree
    /// What the files of the machine become.
    package let result: Tree
    package let base: Base
    /// Newer commits that were passed over because they, or what they need, are damaged, each with the reason.
    package let damaged: [ObjectKey: String]

    package init(id: String, files: Tree, result: Tree, base: Base, damaged: [ObjectKey: String] = [:]) {
        self.id = id
        self.files = files
        self.result = result
        self.base = base
        self.damaged = damaged
    }
}

/// What a save came to.
package struct SavedTree: Sendable {
    /// The snapshot that the memory has now.
    package let id: String
    /// What the machine has to remember.
    package let base: Base

    package init(id: String, base: Base) {
        self.id = id
        self.base = base
    }
}

/// A repository as one process uses it. What it throws is an answer as well: the process may try again.
package protocol RepositoryUnderTest: Sendable {
    /// Reads the newest snapshot, and compares it with the files that are here and with what they were made from.
    /// - Returns: `nil` for an empty memory.
    func restore(_ here: Tree, base: Base?) async throws -> RestoredTree?
    /// Makes the files the newest snapshot, merged with what others have saved since the base.
    /// - Parameter remember: what the machine shall remember already now, in case that this process dies.
    func save(
        _ files: Tree, base: Base?, remember: @escaping @Sendable (any Sendable) -> Void
    ) async throws -> SavedTree
    /// Makes an older snapshot the newest again.
    /// - Parameter choose: is given the ids of all snapshots, the newest first, and picks one; `nil` for none.
    func rollBack(_ choose: @escaping @Sendable ([String]) -> String?) async throws
    /// Deletes what retention does not keep, and what nothing refers to.
    func prune() async throws
    /// Reads everything.
    /// - Returns: the objects that are damaged, each with the reason.
    func verify() async throws -> [ObjectKey: String]
}

/// What one commit says, read from the raw store.
package struct CommitFacts: Sendable {
    package let key: ObjectKey
    package let id: String
    /// The commits that it continues, those that are only a side of a merge included.
    package let parents: [ObjectKey]
    /// Contents by path.
    package let files: [String: String]
    /// The objects that it cannot do without.
    package let needs: [ObjectKey]
    /// Those of the parents that are only a side of a merge.
    package var sides: [ObjectKey] = []
    package var isSide = false
    package var memory: String?
    /// Commits that it says it contains, each with the beginning of its id; `nil` if it does not say.
    package var ancestors: [ObjectKey: String]?
    /// Commits that were found and not merged, each with the reason.
    package var passedOver: [ObjectKey: String] = [:]

    package init(
        key: ObjectKey, id: String, parents: [ObjectKey], files: [String: String], needs: [ObjectKey]
    ) {
        self.key = key
        self.id = id
        self.parents = parents
        self.files = files
        self.needs = needs
    }
}

/// What readers take for the heads.
package struct HeadsSeen: Sendable {
    package var heads: [ObjectKey] = []
    package var damaged: [ObjectKey] = []
    /// Commits of which they cannot tell whether a head contains them.
    package var unproven: [ObjectKey] = []

    package init(heads: [ObjectKey], damaged: [ObjectKey] = [], unproven: [ObjectKey] = []) {
        self.heads = heads
        self.damaged = damaged
        self.unproven = unproven
    }
}

/// A kind of repository: how processes open it, and how its objects are read without it.
package protocol RepositoryKind: Sendable {
    func open(_ client: ClientWorld, random: @escaping @Sendable () -> UInt64, settings: Settings)
        -> any RepositoryUnderTest

    /// How many ancestors a commit names at most.
    var ancestorLimit: Int { get }

    /// Reads a commit and all that it needs, as they were written.
    /// - Returns: `nil` if the object is no commit.
    /// - Throws: if the commit, or something that it needs, is missing or damaged.
    func facts(of key: ObjectKey, in bucket: Bucket) throws -> CommitFacts?

    /// The commits that readers start from.
    /// - Parameter commits: all that are there and can be read.
    func heads(of commits: [CommitFacts], in bucket: Bucket) throws -> HeadsSeen
}

/// What the processes of a scenario are told.
package struct Settings: Sendable, Equatable {
    /// How many snapshots prune keeps; `nil` for all.
    package var keepLast: Int?
    /// How long prune waits before it deletes, in nanoseconds of the server's clock.
    package var grace: Int64
    /// How many packs a snapshot may need before its files are packed anew.
    package var mostPacks: Int
    /// What becomes of a file that changed on both sides.
    package var merging = Merging.never
}

/// How files that changed on both sides are brought together.
package enum Merging: String, Sendable {
    /// Not at all: the newer version wins.
    case never
    /// Both contents are joined, line by line.
    case always
    /// For some paths as in `always`, for others as in `never`; for others again the attempt fails now and then.
    case sometimes
    /// Of one path, versions of machines of two kinds cannot be merged: they stay in heads of their own.
    case refused
}
