import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import S3Store
import TestSupport
import Testing

@testable import Holdfast

@Suite("The printed policies, on a server that enforces them")
struct PolicyRightsTests {
    private static let grace = ["--keep-last", "1", "--keep-within", "0s", "--grace", "0s"]

    private func ok(_ run: Finished, _ place: SourceLocation = #_sourceLocation) throws {
        try #require(run.code == 0, "\(run.err)\(run.out)", sourceLocation: place)
        #expect(!run.err.contains("warning: saved as"), sourceLocation: place)
    }

    @Test("A run has all the rights that it needs", arguments: [true, false])
    func run(_ keepsMirror: Bool) async throws {
        try await RoleSandbox.run { roles in
            var roles = roles
            if !keepsMirror {
                roles = RoleSandbox(server: roles.server, owner: roles.owner.with("HOLDFAST_MIRROR", "false"))
            }
            try await roles.owner.put("adopted", "another tool's")
            let run = try await roles.user(.run)
            try run.write("storage/adopted", "another tool's")
            let random = try #require(FileHandle(forReadingAtPath: "/dev/urandom"))
            try run.write("storage/large", try #require(try random.read(upToCount: 9_000_000)))
            try run.write("storage/session/a", "1")
            try ok(try await run.holdfast("push"))
            try run.remove("storage/session/a")
            try run.write("storage/b", "2")
            try ok(try await run.holdfast("push"))
            let other = try await roles.user(.run, machine: "other")
            try ok(try await other.holdfast("pull"))
            #expect(
                try other.tree("other/storage").compactMapValues(\.self) == run.tree("storage").compactMapValues(\.self)
            )
            for command in ["log", "status", "ls"] { try ok(try await run.holdfast(command)) }
            try ok(try await run.holdfast("diff", "latest~1", "latest"))
            try ok(try await run.holdfast("cat", "b"))
            try ok(try await run.holdfast("rollback", "latest~1"))
            try ok(try await run.holdfast("verify", "--read-data"))
            // Nothing that a prune removes.
            let prune = try await run.program(Sandbox.binary, ["prune"] + Self.grace)
            #expect(prune.code == 1)
            #expect(prune.err.contains("s3:PutObject on arn:aws:s3:::\(roles.server.bucket)/"))
        }
    }

    @Test("Who may only restore can look, restore and verify, and change nothing")
    func read() async throws {
        try await RoleSandbox.run { roles in
            try roles.owner.write("storage/a", "1")
            try ok(try await roles.owner.holdfast("push"))
            let reader = try await roles.user(.read, machine: "reader")
            try ok(try await reader.holdfast("pull"))
            for command in ["log", "status", "ls"] { try ok(try await reader.holdfast(command)) }
            try ok(try await reader.holdfast("verify", "--read-data"))
            try reader.write("reader/storage/a", "2")
            let push = try await reader.holdfast("push")
            #expect(push.code == 1)
            #expect(push.err.contains("Allow s3:PutObject on arn:aws:s3:::"))
        }
    }

    @Test("Prune has all the rights that it needs")
    func prune() async throws {
        try await RoleSandbox.run { roles in
            for number in 1...3 {
                try roles.owner.write("storage/a", "\(number)")
                try ok(try await roles.owner.holdfast("push", "--no-mirror"))
            }
            let prune = try await roles.user(.prune)
            for _ in 1...2 { try ok(try await prune.program(Sandbox.binary, ["prune"] + Self.grace)) }
            #expect(try await roles.owner.holdfast("log", "--json").json["snapshots"].array?.count == 1)
            let verified = try await roles.owner.holdfast("verify", "--read-data", "--json").json
            #expect(verified["packs"].int == 1)
            #expect(verified["unreferencedPacks"].int == 0)
        }
    }

    // MARK: Neighbours

    @Test("The neighbour's memory is denied, and what the scope takes in is not", arguments: PolicyScope.allCases)
    func neighbours(_ scope: PolicyScope) async throws {
        try await RoleSandbox.run { roles in
            let policy = try await roles.document("--print", "iam", "--scope", scope.rawValue)
            let user = try await roles.user(policy)
            try user.write("storage/a", "1")
            let prefix = try #require(user.environment["HOLDFAST_PREFIX"])
            let neighbours: [(PolicyScope, [String])] = [
                (.memory, ["--repo", "owner/repo"]), (.agent, ["--repo", "owner/repo2"]),
                (.prefix, ["--agent", "discord"]),
            ]
            for (least, arguments) in neighbours {
                let isAllowed =
                    PolicyScope.allCases.firstIndex(of: scope)! >= PolicyScope.allCases.firstIndex(of: least)!
                for command in ["push", "pull"] {
                    let run = try await user.program(Sandbox.binary, [command] + arguments)
                    #expect(run.code == (isAllowed ? 0 : 1), "\(least): \(run.err)")
                    #expect(run.err.contains("Allow s3:ListBucket on arn:aws:s3:::") != isAllowed)
                }
            }
            let outside = try await user.holdfast("pull", "--prefix", prefix + "x")
            #expect(outside.code == 1)
        }
    }

    // MARK: Each right that is missing

    static let rights: [(MemoryRole, S3Action)] = MemoryRole.allCases.flatMap { role in
        S3Action.allCases.filter { action in
            MemoryPart.allCases.contains { part in
                role.operations(on: part).contains { $0.actions.contains(action) }
            }
        }.map { (role, $0) }
    }

    @Test("Each right that is taken away makes something fail, and the message names it", arguments: rights)
    func missing(_ role: MemoryRole, _ action: S3Action) async throws {
        try await RoleSandbox.run { roles in
            for number in 1...3 {
                try roles.owner.write("storage/a", "\(number)")
                try roles.owner.write("storage/b", "1")
                try ok(try await roles.owner.holdfast("push"))
            }
            let user = try await roles.user(role, without: Right(action: action.rawValue))
            let run: Finished
            switch (role, action) {
            case (.run, .abortMultipartUpload):
                try await missingAbort(roles, user)
                return
            case (.run, .deleteObject):
                try user.remove("storage/b")
                run = try await user.holdfast("push")
                // The snapshot is saved; only the view shows what was removed.
                #expect(run.code == 0)
                #expect(run.err.contains("warning: saved as snapshot"))
            case (.run, .putObject):
                try user.write("storage/a", "4")
                run = try await user.holdfast("push")
                #expect(run.code == 1)
            case (.prune, _):
                var output = ""
                for _ in 1...2 {
                    let run = try await user.program(Sandbox.binary, ["prune"] + Self.grace)
                    #expect(run.code == 1)
                    output += run.err
                }
                #expect(output.contains("Allow \(action.rawValue) on arn:aws:s3:::\(roles.server.bucket)"))
                return
            default:
                run = try await user.machine("elsewhere").holdfast("pull")
                #expect(run.code == 1)
                #expect(!user.exists("elsewhere/storage/a"))
            }
            #expect(run.err.contains("Allow \(action.rawValue) on arn:aws:s3:::\(roles.server.bucket)"), "\(run.err)")
        }
    }

    @Test(
        "The right to list is needed for each part",
        arguments: [(MemoryPart.commits, ["push"]), (.mirrorView, ["push"]), (.packs, ["verify"])])
    func missingList(_ part: MemoryPart, _ arguments: [String]) async throws {
        try await RoleSandbox.run { roles in
            let user = try await roles.user(.run, without: Right(action: "s3:ListBucket", part: part))
            // A view that another tool wrote; for packs, a snapshot.
            if part != .packs { try await roles.owner.put("a", "1") }
            try roles.owner.write("storage/a", "1")
            if part == .packs { try ok(try await roles.owner.holdfast("push")) }
            let run = try await user.program(Sandbox.binary, arguments)
            #expect(run.code == 1)
            let prefix = "\(try #require(user.environment["HOLDFAST_PREFIX"]))/local/owner-repo/\(part.rawValue)/"
            #expect(
                run.err.contains(
                    "Allow s3:ListBucket on arn:aws:s3:::\(roles.server.bucket) for the prefix '\(prefix)'"),
                "\(run.err)")
        }
    }

    /// An upload in parts that fails is given up. Here the key is taken, which the server says at the end.
    private func missingAbort(_ roles: RoleSandbox, _ user: Sandbox) async throws {
        let prefix = try #require(user.environment["HOLDFAST_PREFIX"])
        let key = ObjectKey("\(prefix)/local/owner-repo/packs/00/taken")
        _ = try await roles.owner.withStore { try await $0.put(key, .bytes(ByteBuffer(string: "1")), .overwrite) }
        let log = WarningLog()
        let configuration = S3Configuration(
            bucket: roles.server.bucket,
            endpoint: S3EndpointOptions(
                region: roles.server.region, endpoint: roles.server.url, allowInsecureEndpoint: true))
        let credentials = Credentials(
            accessKeyID: user.environment["AWS_ACCESS_KEY_ID"] ?? "",
            secretAccessKey: user.environment["AWS_SECRET_ACCESS_KEY"] ?? "")
        try await S3Store.withStore(
            configuration, credentials: FixedCredentials(credentials), logger: Logger(label: "test") { _ in log }
        ) { store in
            let content = ByteBuffer(repeating: 1, count: Int(S3Store.largestWhole) + 1)
            await #expect(throws: StoreError.self) { try await store.put(key, .bytes(content), .createOnly) }
        }
        #expect(
            log.text.contains("Allow s3:AbortMultipartUpload on arn:aws:s3:::\(roles.server.bucket)/\(key)"),
            "\(log.text)")
    }
}

/// Keeps what is logged, with what belongs to it.
private struct WarningLog: LogHandler {
    private let lines = NIOLockedValueBox<[String]>([])
    var text: String { lines.withLockedValue { $0.joined(separator: "\n") } }

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.withLockedValue { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
}

extension Sandbox {
    /// The same sandbox with one variable more.
    func with(_ name: String, _ value: String) -> Sandbox {
        var copy = self
        copy.environment[name] = value
        return copy
    }
}
