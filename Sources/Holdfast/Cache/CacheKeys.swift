import FileIO
import NIOCore

/// What the entries of a memory are called in the Actions cache (RFC-002, RFC-019 §6).
///
///     primary key        opencode-storage-{agent}-{owner-repo}-{ref}-{os}
///     restore prefixes   opencode-storage-{agent}-{owner-repo}-{ref}-, opencode-storage-{agent}-{owner-repo}-
///     key of a save      {primary key}-{run id}, from the second attempt of a run on with -{attempt}
///
/// The service takes 512 characters without a comma. So a part that is too long, or has a comma, is cut and gets a piece
/// of its own hash behind it: it stays the same in each run, and two refs do not become one.
public struct CacheKeys: Sendable, Equatable {
    /// What a restore looks for first: entries whose key begins with it match as well.
    public let primary: String
    /// What it looks for then, in this order.
    public let restorePrefixes: [String]
    /// What the entry of this run is called.
    public let save: String

    /// Constant, whatever the prefix in a store is: other implementations of RFC-002 look for it.
    static let prefix = "opencode-storage"

    /// - Parameters:
    ///   - repository: `owner/name`.
    ///   - ref: the short name of a branch or tag, or `12/merge`.
    ///   - os: `Linux`, `macOS`, `Windows`.
    ///   - attempt: from 1.
    public init(agent: AgentIdentity, repository: String, ref: String, os: String, runID: String, attempt: Int = 1) {
        let name = Self.part(MemoryLocation.sanitized(repository), 140)
        let memory = "\(Self.prefix)-\(agent.name)-\(name)-"
        let branch = memory + Self.part(ref, 200) + "-"
        primary = branch + Self.part(os, 20)
        restorePrefixes = [branch, memory]
        save = "\(primary)-\(Self.part(runID, 40))" + (attempt > 1 ? "-\(attempt)" : "")
    }

    /// The keys of a run of a workflow, as the runner's variables name it.
    ///
    /// The ref is `GITHUB_REF_NAME`, else what follows `refs/heads/` or `refs/tags/` in `GITHUB_REF`, else `main`; the run is
    /// `GITHUB_RUN_ID`, else 0.
    public init(_ environment: [String: String], agent: AgentIdentity, repository: String) {
        func value(_ name: String) -> String? {
            environment[name].flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
        }
        self.init(
            agent: agent, repository: repository,
            ref: value("GITHUB_REF_NAME") ?? value("GITHUB_REF").map(Self.shortName) ?? "main",
            os: value("RUNNER_OS") ?? Self.platform, runID: value("GITHUB_RUN_ID") ?? "0",
            attempt: value("GITHUB_RUN_ATTEMPT").flatMap { Int($0) } ?? 1)
    }

    private static func shortName(_ ref: String) -> String {
        for prefix in ["refs/heads/", "refs/tags/", "refs/pull/"] where ref.hasPrefix(prefix) {
            return String(ref.dropFirst(prefix.count))
        }
        return ref
    }

    #if os(macOS)
        private static let platform = "macOS"
    #else
        private static let platform = "Linux"
    #endif

    /// - Parameter limit: in UTF-16 units, as the service counts.
    private static func part(_ text: String, _ limit: Int) -> String {
        guard text.utf16.count > limit || text.contains(",") else { return text }
        let hash = Digest(of: ByteBuffer(string: text)).hexadecimal.prefix(12)
        var short = ""
        var length = 0
        for character in text {
            length += character.utf16.count
            guard length <= limit - hash.count - 1 else { break }
            short.append(character == "," ? "-" : character)
        }
        return "\(short)-\(hash)"
    }
}
