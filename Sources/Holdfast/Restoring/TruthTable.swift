/// Decision about a path by what is known of it in the base, here and in the store.
///
/// The table in `docs/truth-table.md` says the same, with the reason why nothing is lost; a test compares both cell by cell.
/// Content that is the same here and in the store is no case for it: then there is nothing to do.
enum TruthTable {
    /// - Returns: the ruling. `stop` and `fallBack` concern the whole operation.
    static func ruling(
        _ operation: PathOperation, base: PathState, here: PathState, store: PathState
    ) -> Ruling {
        let sides = Sides(base: Base(base), here: here, store: store)
        switch operation {
        case .push: return push(sides)
        case .follow: return storeFailure(sides, operation) ?? follow(sides)
        case .pull, .merge, .force, .restore, .watch: return storeFailure(sides, operation) ?? bring(sides, operation)
        }
    }

    /// Worth of the base for a comparison.
    private enum Base {
        /// The store's history contains it: it shows who changed what.
        case known
        /// The store fell back behind it: nothing changed there since.
        case ahead
        /// No version, or not one to rely on: nothing counts as deleted.
        case none

        init(_ state: PathState) {
            switch state {
            case .same: self = .known
            case .changed: self = .ahead
            case .absent, .unknown, .refused, .damaged, .outOfScope: self = .none
            }
        }
    }

    private struct Sides {
        let base: Base
        let here: PathState
        let store: PathState

        /// Neither side differs from what they have in common. Without a base, `same` on both sides means alike.
        var isUnchanged: Bool { here == .same && store == .same && base != .ahead }
    }

    // MARK: Bringing a snapshot here

    /// A snapshot that cannot be had concerns all paths.
    private static func storeFailure(_ sides: Sides, _ operation: PathOperation) -> Ruling? {
        let isPull = [.pull, .merge, .force].contains(operation)
        switch sides.store {
        case .unknown: return Ruling(outcome: .stop, reason: .storeUnreachable, exit: isPull ? .failure : .success)
        case .refused: return Ruling(outcome: .stop, reason: .storeRefused, exit: isPull ? .failure : .success)
        case .damaged: return Ruling(outcome: .fallBack, reason: .storeDamaged)
        case .absent, .same, .changed, .outOfScope: return nil
        }
    }

    private static func bring(_ sides: Sides, _ operation: PathOperation) -> Ruling {
        switch (sides.here, sides.store) {
        case (.outOfScope, .same), (.outOfScope, .changed): return Ruling(outcome: .skip, reason: .leftOut)
        case (.absent, .absent), (.absent, .outOfScope), (.outOfScope, _): return Ruling(outcome: .nothing)
        case (_, .outOfScope): return Ruling(outcome: .keep)
        case (_, .absent): return bringRemoval(sides, operation)
        // The agent has removed it while nobody watched; WatchStart knows when that is certain enough.
        case (.absent, .same) where sides.base == .known && operation == .watch: return Ruling(outcome: .nothing)
        case (.absent, _): return Ruling(outcome: .take, reason: sides.base == .known ? .missingHere : nil)
        case (.damaged, _): return Ruling(outcome: .replace, reason: .damagedHere)
        default: return bringVersion(sides, operation)
        }
    }

    /// The store has no version, and this machine has one.
    private static func bringRemoval(_ sides: Sides, _ operation: PathOperation) -> Ruling {
        switch sides.base {
        case .none: return Ruling(outcome: .keep)
        case .ahead: return Ruling(outcome: .keep, reason: .storeBehind)
        case .known: break
        }
        if sides.here == .same { return Ruling(outcome: .remove) }
        if operation == .force { return Ruling(outcome: .discard) }
        switch sides.here {
        case .damaged: return Ruling(outcome: .keep, reason: .damagedHere)
        case .changed where operation == .pull: return Ruling(outcome: .stop, reason: .conflict, exit: .mayPass)
        case .changed: return Ruling(outcome: .keep)
        default:
            let isPull = operation == .pull
            return Ruling(
                outcome: isPull ? .stop : .keep, reason: .unreadableHere, exit: isPull ? .mayPass : .success)
        }
    }

    /// Both sides have a version, and the one here is whole.
    private static func bringVersion(_ sides: Sides, _ operation: PathOperation) -> Ruling {
        if sides.isUnchanged { return Ruling(outcome: .nothing) }
        if sides.base == .ahead { return Ruling(outcome: .keep, reason: .storeBehind) }
        if sides.base == .known {
            // A version that cannot be read is not known to have changed.
            if sides.store == .same, sides.here == .changed { return Ruling(outcome: .keep) }
            if sides.here == .same { return Ruling(outcome: .take) }
        }
        let isUnreadable = sides.here == .unknown || sides.here == .refused
        switch operation {
        case .force: return Ruling(outcome: .replace, reason: isUnreadable ? .unreadableHere : nil)
        case .pull:
            return Ruling(outcome: .stop, reason: isUnreadable ? .unreadableHere : .conflict, exit: .mayPass)
        case .merge where isUnreadable: return Ruling(outcome: .stop, reason: .unreadableHere, exit: .mayPass)
        case _ where isUnreadable: return Ruling(outcome: .skip, reason: .unreadableHere)
        default: return Ruling(outcome: .merge, reason: .conflict)
        }
    }

    // MARK: Following

    /// Only adds. The base is what the followed memory had at the last look.
    private static func follow(_ sides: Sides) -> Ruling {
        switch (sides.here, sides.store) {
        case (.outOfScope, .same), (.outOfScope, .changed): return Ruling(outcome: .skip, reason: .leftOut)
        case (.absent, .absent), (.absent, .outOfScope), (.outOfScope, _): return Ruling(outcome: .nothing)
        case (_, .absent), (_, .outOfScope): return Ruling(outcome: .keep)
        case (.absent, .same) where sides.base == .known: return Ruling(outcome: .nothing)
        case (.absent, _): return Ruling(outcome: .take)
        case _ where sides.isUnchanged: return Ruling(outcome: .nothing)
        case (_, .same) where sides.base == .known: return Ruling(outcome: .keep)
        case (.unknown, _), (.refused, _): return Ruling(outcome: .skip, reason: .unreadableHere)
        case (.damaged, _): return Ruling(outcome: .skip, reason: .damagedHere)
        default: return Ruling(outcome: .merge)
        }
    }

    // MARK: Saving

    private static func push(_ sides: Sides) -> Ruling {
        switch sides.store {
        case .unknown: return Ruling(outcome: .stop, reason: .storeUnreachable, exit: .failure)
        case .refused: return Ruling(outcome: .stop, reason: .storeRefused, exit: .failure)
        case .damaged where sides.here == .same || sides.here == .changed:
            return Ruling(outcome: .save, reason: .storeDamaged)
        case .damaged: return Ruling(outcome: .keepStored, reason: .storeDamaged)
        case .absent, .same, .changed, .outOfScope: break
        }
        switch sides.here {
        case .outOfScope: return Ruling(outcome: .keepStored, reason: .leftOut)
        case .unknown: return Ruling(outcome: .keepStored, reason: .unreadableHere, exit: .mayPass)
        case .refused: return Ruling(outcome: .keepStored, reason: .unreadableHere, exit: .failure)
        case .damaged: return Ruling(outcome: .keepStored, reason: .damagedHere, exit: .failure)
        case .absent: return pushAbsence(sides)
        case .same, .changed: return pushVersion(sides)
        }
    }

    private static func pushAbsence(_ sides: Sides) -> Ruling {
        switch (sides.base, sides.store) {
        case (_, .absent), (_, .outOfScope): return Ruling(outcome: .nothing)
        case (.known, .same), (.ahead, _): return Ruling(outcome: .saveRemoval)
        default: return Ruling(outcome: .keepStored)
        }
    }

    private static func pushVersion(_ sides: Sides) -> Ruling {
        if sides.isUnchanged { return Ruling(outcome: .nothing) }
        switch (sides.base, sides.here, sides.store) {
        case (.known, .same, .absent), (.known, .same, .changed): return Ruling(outcome: .keepStored)
        case (.known, .changed, .changed): return Ruling(outcome: .merge, reason: .conflict)
        case (.none, _, .same), (.none, _, .changed): return Ruling(outcome: .merge, reason: .conflict)
        default: return Ruling(outcome: .save)
        }
    }
}
