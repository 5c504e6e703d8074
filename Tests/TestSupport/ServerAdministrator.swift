import Foundation
import FoundationNetworking

/// Makes users, buckets and roles with policies that a test chooses, on a server that enforces them: MiniStack.
public struct ServerAdministrator: Sendable {
    /// The root key that `scripts/servers/serve.py` gives to MiniStack. It checks no signature of it.
    private static let rootKey = "holdfasttest"
    /// The account of all that is made on MiniStack.
    public static let account = "000000000000"

    private let server: TestServer

    public init(_ server: TestServer) { self.server = server }

    /// Makes a user with one policy.
    public func makeUser(policy: String) async throws -> TestServer.Identity {
        let name = "user-\(UUID().uuidString)"
        _ = try await form("iam", ["Action": "CreateUser", "UserName": name])
        _ = try await form(
            "iam", ["Action": "PutUserPolicy", "UserName": name, "PolicyName": "policy", "PolicyDocument": policy])
        let answer = try await form("iam", ["Action": "CreateAccessKey", "UserName": name])
        let key = [
            "accessKey": try element("AccessKeyId", answer), "secretKey": try element("SecretAccessKey", answer),
        ]
        return try JSONDecoder().decode(TestServer.Identity.self, from: JSONEncoder().encode(key))
    }

    /// Makes an empty bucket.
    public func makeBucket() async throws -> String {
        let name = "bucket-\(UUID().uuidString.lowercased())"
        _ = try await send("s3", "PUT", "/\(name)", Data())
        return name
    }

    /// Gives a bucket its policy.
    public func setPolicy(_ policy: String, of bucket: String) async throws {
        _ = try await send("s3", "PUT", "/\(bucket)?policy", Data(policy.utf8))
    }

    /// Lets a bucket keep what is replaced or deleted.
    public func enableVersioning(of bucket: String) async throws {
        let document = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        _ = try await send("s3", "PUT", "/\(bucket)?versioning", Data(document.utf8))
    }

    /// Makes a role that trusts GitHub's identity tokens as a policy says.
    /// - Returns: its ARN.
    public func makeRole(trust: String, policy: String) async throws -> String {
        let name = "role-\(UUID().uuidString)"
        let provider = [
            "Action": "CreateOpenIDConnectProvider", "Url": "https://token.actions.githubusercontent.com",
            "ClientIDList.member.1": "sts.amazonaws.com", "ThumbprintList.member.1": String(repeating: "0", count: 40),
        ]
        do { _ = try await form("iam", provider) } catch let refusal as Refusal {
            // Another test has made it.
            guard refusal.description.contains("EntityAlreadyExists") else { throw refusal }
        }
        let answer = try await form(
            "iam", ["Action": "CreateRole", "RoleName": name, "AssumeRolePolicyDocument": trust])
        _ = try await form(
            "iam", ["Action": "PutRolePolicy", "RoleName": name, "PolicyName": "policy", "PolicyDocument": policy])
        return try element("Arn", answer)
    }

    /// What the server said when it refused.
    public struct Refusal: Error, CustomStringConvertible {
        public let description: String
    }

    private func form(_ service: String, _ fields: [String: String]) async throws -> String {
        let unreserved = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        let body = fields.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")"
        }
        return try await send(
            service, "POST", "/", Data((body + ["Version=2010-05-08"]).joined(separator: "&").utf8),
            type: "application/x-www-form-urlencoded")
    }

    private func send(
        _ service: String, _ method: String, _ target: String, _ body: Data, type: String? = nil
    ) async throws -> String {
        guard let url = URL(string: server.url + target) else { throw Refusal(description: "no URL: \(target)") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        request.setValue(
            "AWS4-HMAC-SHA256 Credential=\(Self.rootKey)/20260101/\(server.region)/\(service)/aws4_request, "
                + "SignedHeaders=host, Signature=0", forHTTPHeaderField: "Authorization")
        if let type { request.setValue(type, forHTTPHeaderField: "Content-Type") }
        let (data, response) = try await URLSession.shared.data(for: request)
        let text = String(decoding: data, as: UTF8.self)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        guard (200..<300).contains(status) else { throw Refusal(description: "\(status): \(text)") }
        return text
    }

    private func element(_ name: String, _ document: String) throws -> String {
        guard let start = document.range(of: "<\(name)>"),
            let end = document.range(of: "</\(name)>", range: start.upperBound..<document.endIndex)
        else { throw Refusal(description: "no \(name) in \(document)") }
        return String(document[start.upperBound..<end.lowerBound])
    }
}
