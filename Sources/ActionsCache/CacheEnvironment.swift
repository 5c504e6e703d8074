import FoundationEssentials
import HTTPProxies

/// The runner's variables that concern the cache.
struct CacheEnvironment: Sendable {
    let service: CacheServiceVersion
    /// The address of the service, without its secret query if there is any.
    let baseURL: String
    /// May be empty for v1, whose addresses can carry a secret themselves.
    let token: String
    let isEnterpriseServer: Bool
    let mode: CacheMode
    /// Names in archives are relative to it.
    let workspace: String
    /// Where archives are made.
    let temporary: String
    let userAgent: String
    /// Where programs are looked for.
    let searchPath: String
    let proxies: ProxyRules

    struct Unavailable: Error { let reason: String }

    init(_ variables: [String: String], forced: CacheServiceVersion?) throws(Unavailable) {
        func value(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
        mode = CacheMode(value("ACTIONS_CACHE_MODE"))
        if mode == .none { throw Unavailable(reason: "the cache mode of this job is 'none'") }
        let (results, cache) = (value("ACTIONS_RESULTS_URL"), value("ACTIONS_CACHE_URL"))
        isEnterpriseServer = Self.isEnterpriseServer(value("GITHUB_SERVER_URL"))
        service = try Self.service(
            forced: forced, named: value("HOLDFAST_CACHE_SERVICE"), isEnterpriseServer: isEnterpriseServer,
            flag: value("ACTIONS_CACHE_SERVICE_V2") != nil, results: results, cache: cache)
        guard let base = service == .v2 ? results : cache else {
            let missing = service == .v2 ? "ACTIONS_RESULTS_URL" : "ACTIONS_CACHE_URL"
            throw Unavailable(reason: "there is no Actions cache here (\(missing) is not set)")
        }
        guard let url = URL(string: base), let scheme = url.scheme, ["http", "https"].contains(scheme),
            url.host?.isEmpty == false
        else { throw Unavailable(reason: "the address of the Actions cache service is not an http address") }
        token = value("ACTIONS_RUNTIME_TOKEN") ?? ""
        if service == .v2 && token.isEmpty {
            throw Unavailable(reason: "the Actions cache needs ACTIONS_RUNTIME_TOKEN, which only actions get")
        }
        guard value("GITHUB_REF") != nil else {
            throw Unavailable(
                reason: "the event is not tied to a ref (GITHUB_REF is empty), so there is no cache scope")
        }
        baseURL = service == .v2 ? Self.origin(of: base) : (base.hasSuffix("/") ? base : base + "/")
        workspace = value("GITHUB_WORKSPACE") ?? FileManager.default.currentDirectoryPath
        temporary = value("RUNNER_TEMP") ?? value("TMPDIR") ?? "/tmp"
        searchPath = value("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        proxies = ProxyRules(environment: variables)
        let run = value("ACTIONS_ORCHESTRATION_ID").map { id in
            " actions_orchestration_id/" + String(id.unicodeScalars.map { Self.isPlain($0) ? Character($0) : "_" })
        }
        userAgent = "holdfast-actions-cache/1" + (run ?? "")
    }

    /// The documented rule, and one addition: the runner does not tell container actions that v2 is there. For these, v2
    /// is taken unless the v1 address is one of another runner's (act, Gitea, Forgejo), since GitHub's own v1 has ended.
    private static func service(
        forced: CacheServiceVersion?, named: String?, isEnterpriseServer: Bool, flag: Bool, results: String?,
        cache: String?
    ) throws(Unavailable) -> CacheServiceVersion {
        if let forced { return forced }
        if let named {
            guard let version = CacheServiceVersion(rawValue: named.lowercased()) else {
                throw Unavailable(reason: "HOLDFAST_CACHE_SERVICE must be 'v1' or 'v2'")
            }
            return version
        }
        if isEnterpriseServer { return .v1 }
        if flag { return .v2 }
        guard results != nil else { return .v1 }
        return cache.map(isGitHubs) ?? true ? .v2 : .v1
    }

    static func isEnterpriseServer(_ serverURL: String?) -> Bool {
        let host = URL(string: serverURL ?? "https://github.com")?.host?.uppercased() ?? ""
        return host != "GITHUB.COM" && !host.hasSuffix(".GHE.COM") && !host.hasSuffix(".LOCALHOST")
    }

    private static func isGitHubs(_ url: String) -> Bool {
        let host = URL(string: url)?.host?.lowercased() ?? ""
        return host.hasSuffix(".githubusercontent.com") || host.hasSuffix(".ghe.com")
    }

    /// Scheme, host and port: a path of the v2 address is dropped, as `actions/cache` does.
    private static func origin(of url: String) -> String {
        guard let start = url.firstRange(of: "://") else { return url }
        return String(url[..<start.upperBound] + url[start.upperBound...].prefix { !"/?#".contains($0) })
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_.-".contains(Character(scalar)))
    }
}

/// `ACTIONS_CACHE_MODE`: what the job may do. An unknown value forbids nothing.
enum CacheMode: String {
    case none, read, write
    case writeOnly = "write-only"
    case unknown

    init(_ text: String?) { self = text.flatMap(CacheMode.init(rawValue:)) ?? .unknown }

    var isReadable: Bool { self == .read || self == .write || self == .unknown }
    var isWritable: Bool { self == .write || self == .writeOnly || self == .unknown }
}
