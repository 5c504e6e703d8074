import ObjectStore
import S3Store

/// Looks at everything that a memory depends on, from the credentials to the disk, and says what to mend.
///
/// The store is tried out in the way that a role uses it (``MemoryRole``), within the rights that the role's policy gives:
/// small objects under `probes/` that are removed again, uploads in parts that are given up at once, and deletions of keys that
/// do not exist. Commits, packs and files are only read.
public struct Doctor: Sendable {
    let memory: Memory
    let role: MemoryRole
    /// The store, if it is one of S3.
    let s3: S3Store?
    let credentials: (any CredentialSource)?
    /// Part of the names of probes, different each time.
    let nonce: String

    /// - Parameters:
    ///   - role: what has to be allowed.
    ///   - credentials: where the store takes its credentials from, if it needs any.
    public init(_ memory: Memory, as role: MemoryRole, credentials: (any CredentialSource)?) {
        self.memory = memory
        self.role = role
        s3 = memory.store as? S3Store
        self.credentials = credentials
        nonce = String(UInt64.random(in: .min ... .max), radix: 16)
    }

    /// Looks at everything, in an order in which what comes first may explain what comes later.
    /// - Parameter report: told of each finding as soon as it is made.
    /// - Throws: `CancellationError`, nothing else: what fails is a finding.
    public func run(_ report: (Finding) -> Void) async throws {
        var found: [Finding] = []
        func add(_ findings: [Finding]) {
            found += findings
            findings.forEach(report)
        }
        add(try await contactFindings())
        // With a clock that is off everything else can still be seen: requests are signed with the store's time then.
        if found.contains(where: { $0.verdict == .problem && $0.check != .clock }) {
            add([Finding(.memory, .skipped, "the store cannot be used")])
        } else {
            add(try await rightsFindings())
            add([try await memoryFinding()])
        }
        add(try await localFindings())
    }

    func operations(_ part: MemoryPart) -> [StoreOperation] {
        role.operations(on: part, keepsMirror: memory.options.keepsMirror)
    }

    func key(_ part: MemoryPart, _ name: String) -> ObjectKey {
        ObjectKey("\(memory.location.key)/\(part.rawValue)/\(name)")
    }

    /// What tells a failed check from a cancelled one.
    func unlessCancelled(_ error: any Error) throws {
        if Task.isCancelled || error is CancellationError { throw CancellationError() }
    }
}
