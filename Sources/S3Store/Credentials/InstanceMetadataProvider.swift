import Basics
import FoundationEssentials

/// The role of an EC2 instance, from its metadata service, version 2 with a session token, else version 1 (Amazon EC2
/// User Guide, "Use the Instance Metadata Service").
///
/// The last place to look, and with little patience: where there is no such service, the packets may simply vanish.
struct InstanceMetadataProvider: CredentialProvider {
    let name = "instance metadata"
    let context: CredentialContext
    let profile: AWSProfile

    private static let rolePath = "/latest/meta-data/iam/security-credentials/"
    /// Seconds that a session token is to live; six hours are the most.
    private static let tokenLifetime = "21600"

    func load() async throws -> ProviderResult {
        if context.isTrue(context.environment["AWS_EC2_METADATA_DISABLED"]) {
            return .absent("AWS_EC2_METADATA_DISABLED is true")
        }
        let settings = try InstanceMetadataSettings(context, profile)
        do {
            let first = try await fetch(settings)
            return .found(ProvidedCredentials(initial: first, refresh: { try await refreshed(settings) }))
        } catch let nothing as Nothing {
            return .absent(nothing.reason)
        }
    }

    /// There is no service, or it has no role.
    private struct Nothing: Error { let reason: String }

    private func refreshed(_ settings: InstanceMetadataSettings) async throws -> Credentials {
        do {
            return try await fetch(settings)
        } catch let nothing as Nothing {
            throw CredentialError(
                .unreachable, "The instance's metadata service gives no credentials any more: \(nothing.reason).")
        }
    }

    private func fetch(_ settings: InstanceMetadataSettings) async throws -> Credentials {
        let token = try await token(settings)
        let listed = try await get(settings, Self.rolePath, token, "role") { body in
            let name = String(decoding: body, as: UTF8.self).unicodeScalars.trimmed
            return name.isEmpty ? nil : String(name)
        }
        let path = Self.rolePath + Self.encoded(listed)
        let document = try await get(settings, path, token, "credentials") { CredentialDocument($0) }
        guard document.text("AccessKeyId") != nil, document.text("SecretAccessKey") != nil, document.has("Token"),
            document.has("Expiration")
        else { throw Nothing(reason: "its answer has no credentials") }
        let source = "the instance's metadata service"
        var credentials = try document.credentials(tokenName: "Token", provider: name, source: source)
        guard let expiration = credentials.expiration else { throw CredentialDocument.missing("Expiration", source) }
        // Static stability: during an outage the service goes on giving out what it has, and the stores go on
        // accepting it. So it is used, and asked for again in a quarter of an hour or a little later.
        let now = context.now()
        if expiration <= now {
            credentials.expiration = now.addingTimeInterval(15 * 60 + 120 + context.random() * 480)
        }
        return credentials
    }

    /// The session token of version 2, or `nil` for version 1.
    private func token(_ settings: InstanceMetadataSettings) async throws -> String? {
        guard settings.attempts > 0 else { throw Nothing(reason: "no attempt is allowed") }
        let request = CredentialRequest(
            method: "PUT", url: settings.endpoint + "/latest/api/token",
            headers: [("x-aws-ec2-metadata-token-ttl-seconds", Self.tokenLifetime)], timeout: settings.timeout)
        var unreachable: String?
        attempts: for _ in 0..<settings.attempts {
            do {
                let response = try await context.http.send(request)
                unreachable = nil
                switch response.status {
                case 200: return try Self.headerValue(response.body)
                case 400: throw Nothing(reason: "it refused the request for a token")
                case 403, 404, 405: break attempts
                default: continue
                }
            } catch CredentialHTTPError.unreachable(let reason) {
                unreachable = reason
            } catch is CredentialHTTPError {
                // A connection without an answer: the answer may not pass more than one hop. That of version 1 may.
                break attempts
            }
        }
        if let unreachable { throw Nothing(reason: "\(settings.endpoint): \(unreachable)") }
        guard settings.allowsVersion1 else {
            throw CredentialError(
                .unreachable, "The instance's metadata service gave no session token, and version 1 is disabled.",
                advice: "Allow one more hop for its answers, or give credentials in another way.")
        }
        return nil
    }

    /// Asks until the answer has status 200 and `read` can read it.
    private func get<Value>(
        _ settings: InstanceMetadataSettings, _ path: String, _ token: String?, _ what: String,
        _ read: ([UInt8]) -> Value?
    ) async throws -> Value {
        let headers = token.map { [(name: "x-aws-ec2-metadata-token", value: $0)] } ?? []
        let request = CredentialRequest(
            method: "GET", url: settings.endpoint + path, headers: headers, timeout: settings.timeout)
        var reason = ""
        for _ in 0..<settings.attempts {
            do {
                let response = try await context.http.send(request)
                if response.status == 200, let value = read(response.body) { return value }
                reason = "no \(what): status \(response.status)"
            } catch let error as CredentialHTTPError {
                reason = "no \(what): \(error)"
            }
        }
        throw Nothing(reason: "\(settings.endpoint): \(reason)")
    }

    private static func headerValue(_ body: [UInt8]) throws(CredentialError) -> String? {
        guard body.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            throw CredentialError(.invalidAnswer, "The instance's metadata service sent a token that cannot be used.")
        }
        return body.isEmpty ? nil : String(decoding: body, as: UTF8.self)
    }

    /// A role's name as a path: what IAM allows in one stays as it is.
    private static func encoded(_ role: String) -> String {
        let kept = Set("+=,.@-_/".utf8)
        return role.utf8.map { byte in
            kept.contains(byte) ? String(UnicodeScalar(byte)) : PercentEncoding.encode([byte])
        }.joined()
    }
}
