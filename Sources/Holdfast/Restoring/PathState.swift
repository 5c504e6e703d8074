/// State of one path in one place, compared with the base: `docs/truth-table.md` defines each for base, here and store.
enum PathState: String, Sendable, CaseIterable {
    /// Known not to be there.
    case absent
    /// Content of the base; without a version in the base, content of the other side.
    case same
    /// Any other content. Of a base: the store fell back behind it.
    case changed
    /// Present or not, readable or not: it could not be found out.
    case unknown
    /// Present, and reading it is not allowed.
    case refused
    /// Present, and not what it should be.
    case damaged
    /// Left out by the rules of that place.
    case outOfScope = "out of scope"
}

/// Operation that decides about a path.
enum PathOperation: String, Sendable, CaseIterable {
    case push
    case pull
    /// `pull --merge`
    case merge
    /// `pull --force`
    case force
    case restore
    case follow
    /// The restore with which `watch` begins.
    case watch
}

/// Decision about one path.
struct Ruling: Sendable, Equatable {
    let outcome: Outcome
    /// Reason that is told to the user; `nil` if the result's counts say enough.
    var reason: Reason?
    var exit = ExitClass.success

    enum Outcome: String, Sendable, CaseIterable {
        /// Nothing is to be done.
        case nothing
        /// The version here stays as it is.
        case keep
        /// The store's version is written here.
        case take
        /// The version here, which the base has too, is removed.
        case remove
        /// The version here is kept beside, then the store's version is written.
        case replace
        /// The version here is kept beside, then removed.
        case discard
        /// The later version wins and the other one is kept; rows of a database are merged.
        case merge
        /// The path is passed over; the other paths go on.
        case skip
        /// The newest whole snapshot before this one is taken, and compared anew.
        case fallBack = "fall back"
        /// The version here becomes part of the snapshot.
        case save
        /// The snapshot loses the path.
        case saveRemoval = "save removal"
        /// The snapshot keeps the version that it has, or goes on without one.
        case keepStored = "keep stored"
        /// Nothing at all is touched, and the operation ends.
        case stop
    }

    enum Reason: String, Sendable, CaseIterable {
        case conflict = "changed here and in the store"
        case missingHere = "missing here"
        case damagedHere = "damaged here"
        case unreadableHere = "cannot be compared"
        case leftOut = "left out"
        case storeUnreachable = "the store did not answer"
        case storeRefused = "the store refused"
        case storeDamaged = "the snapshot is damaged"
        case storeBehind = "this machine has a newer state"
    }

    /// How the operation ends as far as this path is concerned.
    enum ExitClass: Int, Sendable, CaseIterable {
        case success = 0
        case failure = 1
        case mayPass = 75
    }
}
