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
    package let files: Tree
    package let base: Base
    /// Newer snapshots that were passed over because they are damaged.
    package let damaged: [String]

    package init(id: String, files: Tree, base: Base, damaged: [String] = []) {
        self.id = id
        self.files = files
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
    /// Reads the newest snapshot.
    /// - Returns: `nil` for an empty memory.
    func restore() async throws -> RestoredTree?
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
    /// - Returns: what is damaged.
    func verify() async throws -> [String]
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

/// A kind of repository: how processes open it, and how its objects are read without it.
package protocol RepositoryKind: Sendable {
    func open(_ client: ClientWorld, random: @escaping @Sendable () -> UInt64, settings: Settings)
        -> any RepositoryUnderTest

    /// Reads a commit and all that it needs.
    /// - Returns: `nil` if the object is no commit.
    /// - Throws: if the commit, or something that it needs, is missing or damaged.
    func facts(of key: ObjectKey, in bucket: Bucket) throws -> CommitFacts?

    /// The commits that readers start from.
    /// - Parameter commits: all that are there.
    func heads(of commits: [CommitFacts], in bucket: Bucket) throws -> [CommitFacts]
}

/// What the processes of a scenario are told.
package struct Settings: Sendable {
    /// How many snapshots prune keeps; `nil` for all.
    package var keepLast: Int?
    /// How long prune waits before it deletes, in nanoseconds of the server's clock.
    package var grace: Int64
    /// How many packs a snapshot may need before its files are packed anew.
    package var mostPacks: Int
}
