import AgentFiles
import Basics
import FileIO
import FoundationEssentials
import Logging
import NIOCore
import Repository

/// What this machine remembers of its saves of a memory: when the last good one was, and how many failed since.
///
/// Every push, save and watch notes it in the state directory; `status`, the Action's summary and the status page show it.
public struct SaveRecord: Codable, Sendable, Equatable {
    /// The last good save; `nil` if there was none.
    public var lastSuccess: Date?
    /// The snapshot that held everything then, in hex.
    public var snapshot: String?
    /// Saves that failed after ``lastSuccess``.
    public var failuresSince = 0
    /// The newest of those failures.
    public var lastFailure: Failure?

    /// Without the message of the error: what a server answers may repeat a secret, and this is written to a file.
    public struct Failure: Codable, Sendable, Equatable {
        public let time: Date
        public let code: FailureCode

        enum CodingKeys: CodingKey { case time, code }

        init(time: Date, code: FailureCode) { (self.time, self.code) = (time, code) }

        public init(from decoder: any Decoder) throws {
            let object = try decoder.container(keyedBy: CodingKeys.self)
            time = try object.decode(Date.self, forKey: .time)
            // A newer version may have noted a code that this one does not know.
            code = FailureCode(rawValue: try object.decode(String.self, forKey: .code)) ?? .failed
        }

        public func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: CodingKeys.self)
            try object.encode(time, forKey: .time)
            try object.encode(code.rawValue, forKey: .code)
        }
    }

    public init(lastSuccess: Date? = nil, snapshot: String? = nil) {
        self.lastSuccess = lastSuccess
        self.snapshot = snapshot
    }

    /// Takes in what came of a save. One that was interrupted, or that had nothing to save, says nothing.
    mutating func note(_ result: SyncResult, at now: Date) {
        // Where removals wait, everything else is saved.
        if let error = result.error, error.code != .shrinks {
            guard error.code != .cancelled else { return }
            failuresSince += 1
            lastFailure = Failure(time: now, code: error.code)
        } else if let snapshot = result.snapshot {
            self = SaveRecord(lastSuccess: now, snapshot: snapshot)
        }
    }

    /// `last good save 5 minutes ago, 2 failed since`.
    public func words(now: Date = Date()) -> String {
        let saved = lastSuccess.map { "last good save \(Figures.ago(now.timeIntervalSince($0)))" }
        return "\(saved ?? "no good save yet"), \(failuresSince) failed since"
    }
}

extension Workspace {
    /// What this machine remembers of its saves; where it knows of none, the time of the newest snapshot.
    /// - Parameter newest: the newest snapshot, if it is known.
    func saveRecord(newest: Snapshot?) async -> SaveRecord? {
        if let known = await localState.saveRecord(), known.lastSuccess != nil || newest == nil { return known }
        guard let newest else { return nil }
        var record = await localState.saveRecord() ?? SaveRecord()
        record.lastSuccess = newest.time
        record.snapshot = newest.id.hexadecimal
        return record
    }

    /// Notes what came of a save. To forget it costs a person a word, never data, so that it is no reason to fail.
    func noteSave(_ result: SyncResult) async {
        var record = await localState.saveRecord() ?? SaveRecord()
        let before = record
        record.note(result, at: Date())
        guard record != before else { return }
        do { try await localState.write(record) } catch {
            logger.warning("Could not note the save", metadata: ["error": "\(error)"])
        }
    }
}

extension Snapshot {
    /// When it was made, by the clock of who made it; `nil` if it does not say.
    public var time: Date? { Date(iso8601: commit.time) }
}
