import NIOCore
import ObjectStore

extension Repository {
    /// What became of a commit that was to be created.
    enum Outcome {
        case won(Snapshot)
        /// Another commit has the name.
        case lost
    }

    /// Requests for one commit before the store is given up: an answer may get lost, again and again.
    private static let attempts = 8

    /// Creates a commit, and knows afterwards whether it is there (architecture §3).
    ///
    ///     200                     won
    ///     409                     a write of the key is in flight: the same again, with full jitter
    ///     412, no answer, 5xx     look: my nonce → won, the answer was lost; another → lost; absent → the same again
    ///
    /// - Throws: ``StoreError`` if what became of it cannot be found out. `denied` is never taken for absent.
    func propose(_ commit: Commit, as name: CommitName) async throws -> Outcome {
        let key = key(of: name)
        let bytes = try encoded(commit, as: name)
        var last: StoreError?
        for attempt in 0..<Self.attempts {
            if attempt > 0 {
                try await environment.sleep(environment.jitter(upTo: .milliseconds(50 << min(attempt, 6))))
            }
            let problem: StoreError
            do {
                let written = try await store.put(key, .bytes(bytes), name.nonce == nil ? .createOnly : .overwrite)
                return .won(try snapshot(name, bytes, written.etag))
            } catch let error as StoreError {
                problem = error
            }
            switch problem.kind {
            case .conflict: break
            case .alreadyExists, .unreachable, .server, .throttled:
                switch try await look(for: commit, as: name) {
                case .mine(let etag): return .won(try snapshot(name, bytes, etag))
                case .other: return .lost
                case .absent: break
                case .unknown(let error): last = error
                }
            default: throw problem
            }
            last = last ?? problem
        }
        throw last ?? StoreError(.unreachable, "create", key: key, "the store gave no clear answer")
    }

    /// - Throws: ``RepositoryError`` if no reader would take the commit.
    func encoded(_ commit: Commit, as name: CommitName) throws -> ByteBuffer {
        do throws(FormatError) { return try commit.encode() } catch { throw error.about(key(of: name)) }
    }

    func snapshot(_ name: CommitName, _ bytes: ByteBuffer, _ etag: ETag?) throws -> Snapshot {
        do throws(FormatError) { return try Snapshot(name: name, bytes: bytes, etag: etag) } catch {
            throw error.about(key(of: name))
        }
    }

    private enum Sight {
        case mine(ETag?)
        case other
        case absent
        /// The store did not answer this either.
        case unknown(StoreError)
    }

    /// Who has the name of a commit.
    private func look(for commit: Commit, as name: CommitName) async throws -> Sight {
        do {
            let content = try await store.get(key(of: name))
            let bytes = try await content.collect(upTo: Commit.maxLength)
            let there = try? Commit.decode(bytes, name: name)
            return there?.nonce == commit.nonce ? .mine(content.info.etag) : .other
        } catch {
            switch error.kind {
            case .notFound: return .absent
            case .unreachable, .server, .throttled, .corrupt: return .unknown(error)
            case .tooLarge: return .other
            default: throw error
            }
        }
    }
}
