import Foundation
import Logging
import NIOCore
import ObjectStore
import S3Store
import Subprocess
import TestSupport
import Testing

/// A home of its own for the built command: it is run as a user runs it, and sees nothing of the machine.
struct Sandbox: Sendable {
    let folder: URL
    /// All that the command sees of an environment.
    var environment: [String: String]

    /// The file of the built command, which lies beside the test bundle.
    static var binary: String {
        let bundle = Bundle.main.executableURL?.deletingLastPathComponent() ?? URL(fileURLWithPath: ".build/debug")
        return bundle.appendingPathComponent("holdfast").path
    }

    /// Gives the body a sandbox with an empty home, the embedded store and the repository `owner/repo`.
    /// - Parameter inMemory: whether it may lie in memory, where no disk is waited for.
    static func run<Result>(
        inMemory: Bool = false, isolation: isolated (any Actor)? = #isolation,
        _ body: (Sandbox) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory("command", inMemory: inMemory) { folder in
            for name in ["home", "tmp", "storage"] {
                try FileManager.default.createDirectory(
                    at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
            }
            return try await body(
                Sandbox(
                    folder: folder,
                    environment: [
                        "HOME": folder.path + "/home", "TMPDIR": folder.path + "/tmp", "PATH": "/usr/bin:/bin",
                        "AWS_EC2_METADATA_DISABLED": "true", "GIT_CONFIG_NOSYSTEM": "1", "HOLDFAST_REPO": "owner/repo",
                        "HOLDFAST_STORAGE": folder.path + "/storage",
                    ]))
        }
    }

    /// The same sandbox in front of a server.
    func using(
        _ url: String, bucket: String, key: TestServer.Identity, prefix: String = "memory", region: String = "us-east-1"
    ) -> Sandbox {
        var copy = self
        copy.environment.merge([
            "HOLDFAST_STORE": "s3://\(bucket)", "HOLDFAST_PREFIX": prefix, "AWS_ENDPOINT_URL": url,
            "AWS_REGION": region,
            "AWS_ACCESS_KEY_ID": key.accessKey, "AWS_SECRET_ACCESS_KEY": key.secretKey,
            "HOLDFAST_ALLOW_INSECURE_ENDPOINT": "true", "AWS_MAX_ATTEMPTS": "2",
        ]) { $1 }
        return copy
    }

    func using(_ server: TestServer, as key: TestServer.Identity? = nil) -> Sandbox {
        using(
            server.url, bucket: server.bucket, key: key ?? server.identities.full, prefix: server.prefix(),
            region: server.region)
    }

    func using(_ server: StubServer) throws -> Sandbox {
        let key = #"{"accessKey":"AKIDEXAMPLEEXAMPLE00","secretKey":"stub/secret+key=0123456789abcdefghijkl"}"#
        return using(
            server.url, bucket: "bucket",
            key: try JSONDecoder().decode(TestServer.Identity.self, from: Data(key.utf8)))
    }

    /// Another machine in front of the same store: with a storage directory and a state directory of its own.
    func machine(_ name: String) -> Sandbox {
        var copy = self
        copy.environment["HOLDFAST_STORAGE"] = path("\(name)/storage")
        copy.environment["XDG_STATE_HOME"] = path("\(name)/state")
        return copy
    }

    /// Lets another machine pull, write and remove files, and push.
    func elsewhere(_ files: [String: String], removing removed: [String] = []) async throws {
        let other = machine("elsewhere")
        let pull = try await other.holdfast("pull")
        try #require(pull.code == 0, "\(pull.err)")
        for (name, content) in files { try other.write("elsewhere/storage/\(name)", content) }
        for name in removed { try other.remove("elsewhere/storage/\(name)") }
        let push = try await other.holdfast("push")
        try #require(push.code == 0, "\(push.err)")
    }

    // MARK: Running

    func holdfast(_ arguments: String..., with changes: [String: String?] = [:]) async throws -> Finished {
        try await program(Self.binary, arguments, with: changes)
    }

    /// Runs the command, and meanwhile the body, which may send signals.
    func holdfast(
        _ arguments: String..., meanwhile: @escaping (@escaping (Signal) throws -> Void) async throws -> Void
    ) async throws -> Finished {
        let result = try await Subprocess.run(
            .name("env"), arguments: here(Self.binary, arguments), environment: variables([:]), input: .none,
            output: .string(limit: 1 << 22),
            error: .string(limit: 1 << 22)
        ) { execution in
            try await meanwhile { try execution.send(signal: $0) }
        }
        return Finished(result.terminationStatus, result.standardOutput, result.standardError)
    }

    /// Runs any program in the sandbox.
    func program(
        _ path: String, _ arguments: [String], with changes: [String: String?] = [:]
    ) async throws -> Finished {
        let result = try await Subprocess.run(
            .name("env"), arguments: here(path, arguments), environment: variables(changes),
            output: .string(limit: 1 << 22), error: .string(limit: 1 << 22))
        return Finished(result.terminationStatus, result.standardOutput, result.standardError)
    }

    /// `env` goes to the sandbox and becomes the program.
    private func here(_ path: String, _ arguments: [String]) -> Arguments {
        Arguments(["-C", folder.path, path] + arguments)
    }

    private func variables(_ changes: [String: String?]) -> Environment {
        var all = environment
        for (name, value) in changes { all[name] = value }
        return .custom(Dictionary(uniqueKeysWithValues: all.map { (Environment.Key(rawValue: $0.key)!, $0.value) }))
    }

    // MARK: Files

    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    func write(_ name: String, _ content: String) throws { try write(name, Data(content.utf8)) }

    func write(_ name: String, _ content: Data) throws {
        let url = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try content.write(to: url)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// Everything below a directory: paths with contents, `nil` for a directory. What a command that is at work removes
    /// meanwhile, such as its temporary files, is left out.
    func tree(_ name: String) throws -> [String: Data?] {
        guard exists(name) else { return [:] }
        var found: [String: Data?] = [:]
        for item in try FileManager.default.subpathsOfDirectory(atPath: path(name)) {
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path("\(name)/\(item)"), isDirectory: &isDirectory) else {
                continue
            }
            do {
                let file = folder.appendingPathComponent("\(name)/\(item)")
                found.updateValue(isDirectory.boolValue ? nil : try Data(contentsOf: file), forKey: item)
            } catch CocoaError.fileReadNoSuchFile { continue }
        }
        return found
    }

    /// The texts of the files below a directory.
    func texts(_ name: String) throws -> [String: String] {
        try tree(name).compactMapValues { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    // MARK: The store

    /// The keys of the objects that are there: what a listing shows is looked for too.
    ///
    /// JuiceFS lists emptied directories as objects, and rclone goes on listing some keys that were created by several at
    /// once and are deleted: neither can be read.
    func objects(below prefix: String) async throws -> [ObjectKey] {
        try await withStore { store in
            var found: [ObjectKey] = []
            for object in try await store.list(prefix: prefix).collect() where !object.key.text.hasSuffix("/") {
                if try await store.find(object.key) != nil { found.append(object.key) }
            }
            return found
        }
    }

    /// Opens the store of the sandbox as the tests of the store do.
    func withStore<Result>(_ body: (any ObjectStore) async throws -> Result) async throws -> Result {
        guard let url = environment["HOLDFAST_STORE"], url.hasPrefix("s3://") else {
            return try await body(FileObjectStore(root: path("home/.local/share/holdfast/store")))
        }
        let configuration = S3Configuration(
            bucket: String(url.dropFirst(5)),
            endpoint: S3EndpointOptions(
                region: environment["AWS_REGION"], endpoint: environment["AWS_ENDPOINT_URL"],
                allowInsecureEndpoint: true))
        let credentials = Credentials(
            accessKeyID: environment["AWS_ACCESS_KEY_ID"] ?? "",
            secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "")
        return try await S3Store.withStore(
            configuration, credentials: FixedCredentials(credentials),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { try await body($0) }
    }

    /// The prefix of the memory, with a slash at its end.
    var mirrorPrefix: String { "\(environment["HOLDFAST_PREFIX"] ?? "opencode-storage")/local/owner-repo/storage/" }

    /// Puts an object into the memory as another tool would.
    func put(_ name: String, _ content: String) async throws {
        try await withStore { store in
            _ = try await store.put(ObjectKey(mirrorPrefix + name), .bytes(ByteBuffer(string: content)), .overwrite)
        }
    }
}

/// What a program did.
struct Finished {
    let status: TerminationStatus
    let out: String
    let err: String

    init(_ status: TerminationStatus, _ out: String, _ err: String) {
        (self.status, self.out, self.err) = (status, out, err)
    }

    var code: Int32? { if case .exited(let code) = status { Int32(code) } else { nil } }

    /// The one JSON object, on one line, that is all of the standard output.
    var json: JSONValue {
        get throws {
            try #require(out.hasSuffix("\n"))
            try #require(out.dropLast().contains("\n") == false, "more than one line: \(out)")
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(out.utf8))
            try #require(value.object != nil)
            return value
        }
    }

    /// The standard error as JSON log lines.
    var logLines: [JSONValue] {
        get throws {
            try err.split(separator: "\n").map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
        }
    }
}
