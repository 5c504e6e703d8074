import Basics
import FileIO
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

extension Repository {
    private static let rounds = 4
    private static let racers = 8

    /// Whether the store lets exactly one of several creates of a key win.
    ///
    /// A single probe shows nothing: some servers accept the condition and ignore it, some check it without a lock. So
    /// creates are raced. What a commit says of this very store is taken for known.
    /// - Parameter snapshots: commits of the memory.
    /// - Throws: ``StoreError`` if the store cannot be written to.
    func storeTrait(knownTo snapshots: [Snapshot]) async throws -> Commit.StoreTrait {
        let location = Digest(of: ByteBuffer(string: store.location)).hexadecimal
        if let known = snapshots.map(\.commit.store).first(where: { $0.location == location }) { return known }
        let createOnly: Bool
        switch store.capabilities.createOnly {
        case .enforced: createOnly = true
        case .unsupported: createOnly = false
        case .unproven: createOnly = try await raceShowsOneWinner()
        }
        return Commit.StoreTrait(createOnly: createOnly, location: location)
    }

    /// Races creates of a few keys under `probes/`, and removes what they leave.
    /// - Returns: whether of each key exactly one create won.
    /// - Throws: ``StoreError`` if the store cannot be written to or read.
    public func raceShowsOneWinner() async throws -> Bool {
        var keys: [ObjectKey] = []
        var isProven = true
        for _ in 0..<Self.rounds where isProven {
            let key = ObjectKey("\(memory)/probes/\(environment.nonce())")
            keys.append(key)
            isProven = try await race(for: key)
        }
        // A leftover is a few bytes; a run without the right to delete leaves it.
        _ = try? await store.delete(keys)
        logger.debug("Raced creates", metadata: ["rounds": "\(keys.count)", "oneWinner": "\(isProven)"])
        return isProven
    }

    /// Creates one key several times at once.
    /// - Returns: whether exactly one create won, and the object is the winner's.
    private func race(for key: ObjectKey) async throws -> Bool {
        let winners = NIOLockedValueBox<[Int]>([])
        let isUnclear = NIOLockedValueBox(false)
        try await forEachConcurrently(0..<Self.racers, limit: Self.racers) { number in
            do throws(StoreError) {
                try await store.put(key, .bytes(ByteBuffer(string: "\(number)")), .createOnly)
                winners.withLockedValue { $0.append(number) }
            } catch {
                switch error.kind {
                case .alreadyExists, .conflict: break
                // A store that does not know the condition says so in one of these ways. An answer that got lost says
                // nothing; names that are unique are right for any store.
                case .unsupported, .invalid, .unreachable, .server, .throttled: isUnclear.withLockedValue { $0 = true }
                default: throw error
                }
            }
        }
        let won = winners.withLockedValue { $0 }
        guard won.count == 1, !isUnclear.withLockedValue({ $0 }) else { return false }
        do {
            let content = try await store.get(key).collect(upTo: 16)
            return content == ByteBuffer(string: "\(won[0])")
        } catch {
            if [.denied, .unauthenticated, .noCredentials, .cancelled].contains(error.kind) { throw error }
            return false
        }
    }
}
