import FoundationEssentials
import HTTPProxies

/// All that the search for credentials touches outside of itself, so that tests can replace it.
public struct CredentialContext: Sendable {
    /// The environment variables.
    public var environment: [String: String]
    /// The directory that `~` stands for.
    public var home: String
    /// Reads a small file: `nil` if there is none (or something else, as a directory).
    ///
    /// - Throws: an error whose description says why an existing file could not be read.
    public var readFile: @Sendable (_ path: String) async throws -> [UInt8]?
    /// Talks to token and metadata services.
    public var http: any CredentialHTTP
    /// Runs the programs named by `credential_process`.
    public var process: any CredentialProcessRunner
    public var now: @Sendable () -> Date
    /// Waits before another attempt.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// A number in 0..<1, for jitter.
    public var random: @Sendable () -> Double
    /// Told of every set of credentials before it is used, those on the way to a role included, so that logs can be
    /// kept free of their secrets.
    public var onResolve: @Sendable (Credentials) -> Void
    /// Told of every token that a role is assumed with in GitHub Actions before it is used, for the same reason.
    public var onSecret: @Sendable (String) -> Void

    /// The real world, but for what is given.
    /// - Parameters:
    ///   - environment: all variables; the search looks at no others.
    ///   - home: else that of the variable `HOME`.
    ///   - http: else ``AsyncCredentialHTTP`` with the authorities of the variable `AWS_CA_BUNDLE` and the proxies of `https_proxy`.
    public init(
        environment: [String: String],
        home: String? = nil,
        readFile: @escaping @Sendable (_ path: String) async throws -> [UInt8]? = CredentialFile.read,
        http: (any CredentialHTTP)? = nil,
        process: any CredentialProcessRunner = SubprocessCredentialRunner(),
        now: @escaping @Sendable () -> Date = { Date() },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        random: @escaping @Sendable () -> Double = { .random(in: 0..<1) },
        onResolve: @escaping @Sendable (Credentials) -> Void = { _ in },
        onSecret: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.environment = environment
        self.home = home ?? environment["HOME"] ?? "/"
        self.readFile = readFile
        self.http =
            http
            ?? AsyncCredentialHTTP(
                trustRoots: environment["AWS_CA_BUNDLE"], proxies: ProxyRules(environment: environment))
        self.process = process
        self.now = now
        self.sleep = sleep
        self.random = random
        self.onResolve = onResolve
        self.onSecret = onSecret
    }

    /// A variable that is set to something.
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// Whether a switch is on: only the word `true` counts, in any case of letters, as in the AWS tools.
    func isTrue(_ text: String?) -> Bool { text?.lowercased() == "true" }

    /// A path as the AWS tools read it: `$NAME` and `${NAME}` of variables that are set, and `~` at the start.
    func expanded(_ path: String) -> String {
        var result = ""
        var rest = path[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let after = rest[dollar...].dropFirst()
            let isBraced = after.first == "{" && after.contains("}")
            let name =
                isBraced
                ? after.dropFirst().prefix { $0 != "}" }
                : after.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            let end = isBraced ? after.index(after: name.endIndex) : name.endIndex
            if let value = environment[String(name)], !name.isEmpty {
                result += value
            } else {
                result += rest[dollar..<end]
            }
            rest = rest[end...]
        }
        result += rest
        return result == "~" || result.hasPrefix("~/") ? home + result.dropFirst() : result
    }
}
