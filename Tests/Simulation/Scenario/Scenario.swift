import NIOConcurrencyHelpers
import ObjectStore

/// What is drawn for one seed: the store, its faults, and who works with it.
package struct Scenario: Sendable, Equatable {
    package var conditions: Conditions
    package var plan: FaultPlan
    package var settings: Settings
    package var writers: Int
    package var readers: Int
    package var pruners: Int
    /// Saves of each writer.
    package var rounds: Int
    /// Of 1,000 rounds, in how many a writer goes back to an older snapshot.
    package var rollbacks: Int
    /// Of 1,000 rounds, in how many a writer copies a file.
    package var copies: Int
    /// Saves sleep for hours, and meanwhile what they build upon is replaced, gets old, and is pruned.
    package var isAboutPruning = false
    /// So many commits there are already when the faults begin: more than one listing shows.
    package var history: Int

    package static func drawn(seed: UInt64) -> Scenario {
        var dice = Dice(seed: seed, part: 0)
        let conditions: [Conditions] = [.enforced, .enforcedUnproven, .ignored, .racy, .unsupported]
        let pruners = dice.pick(weights: [4, 4, 2])
        var scenario = Scenario(
            conditions: conditions[dice.pick(weights: [8, 4, 3, 2, 3])], plan: .drawn(&dice),
            settings: Settings(
                keepLast: pruners > 0 && dice.chance(500) ? dice.number(in: 1...4) : nil,
                grace: 24 * 3600 * 1_000_000_000, mostPacks: dice.pick([3, 100])),
            writers: dice.number(in: 2...5), readers: dice.number(in: 0...2), pruners: pruners,
            rounds: dice.number(in: 1...4), rollbacks: dice.pick([0, 0, 150]),
            copies: dice.pick([0, 0, 300]), history: dice.chance(5) ? dice.number(in: 90...130) : 0)
        scenario.settings.merging = dice.pick([.never, .never, .always, .sometimes])
        if dice.chance(100) { scenario.turnToPruning() }
        // Drawn apart, so that everything else of a seed stays as it was.
        var kinds = Dice(seed: seed, part: 3)
        if !scenario.isAboutPruning, kinds.chance(100) { scenario.settings.merging = .refused }
        return scenario
    }

    /// Chance alone brings a sleeping save, a change by another and a prune together too seldom.
    private mutating func turnToPruning() {
        isAboutPruning = true
        settings.keepLast = 1
        (writers, pruners, rounds, copies, rollbacks) = (2, 1, 8, 700, 0)
        // Another kind of fault would only keep the save from its end.
        plan = .none
        plan.pause = 60
    }

    /// Two writers and no faults.
    package static func quiet(_ conditions: Conditions) -> Scenario {
        Scenario(
            conditions: conditions, plan: .none, settings: Settings(grace: 24 * 3600 * 1_000_000_000, mostPacks: 3),
            writers: 2, readers: 1, pruners: 0, rounds: 2, rollbacks: 0, copies: 0,
            history: 0)
    }

    var summary: String {
        "\(conditions.rawValue), \(writers) writers × \(rounds), \(readers) readers, \(history) commits before, "
            + "\(pruners) pruners keeping \(settings.keepLast.map(String.init) ?? "all"), "
            + "merging \(settings.merging.rawValue), \(plan)"
    }
}

/// What a process tells the ledger.
enum Report: Sendable {
    case promised([Ledger.Promise])
    case restored(RestoredTree, by: String, Circumstances)
    /// The files of a machine before and after a pull.
    case pulled(by: String, before: Tree, after: Tree)
    /// The files of a machine that a snapshot contains now.
    case saved(id: String, Tree, by: String)
    /// - Parameter isCalm: nothing has happened meanwhile.
    case verified([ObjectKey: String], by: String, Circumstances, isCalm: Bool)
    case rollsBack(Int, to: String?)
    case failed(String)
    /// The memory could not be restored although nothing failed or was refused.
    case unreadable(String)
}

/// A file that is removed on a machine.
struct Deletion: Sendable {
    let machine: String
    let path: String
    /// What was in it, and what had been before.
    let contents: Set<String>
}

/// What all processes of one simulation share.
struct Stage: Sendable {
    let kind: any RepositoryKind
    let scenario: Scenario
    let seed: UInt64
    let reports = NIOLockedValueBox<[Report]>([])
    /// What somebody may save the removal of.
    let deletions = NIOLockedValueBox<[Deletion]>([])

    func report(_ report: Report) { reports.withLockedValue { $0.append(report) } }

    func takeDeletions() -> [Deletion] {
        deletions.withLockedValue { deletions in
            defer { deletions.removeAll() }
            return deletions
        }
    }

    func takeReports() -> [Report] {
        reports.withLockedValue { reports in
            defer { reports.removeAll() }
            return reports
        }
    }

    func open(_ client: ClientWorld) -> any RepositoryUnderTest {
        let dice = NIOLockedValueBox(Dice(seed: seed, part: 1000 + UInt64(client.id)))
        return kind.open(client, random: { dice.withLockedValue { $0.word() } }, settings: scenario.settings)
    }
}
