import Foundation
import TestSupport
import Testing

@testable import Holdfast

/// A memory on a server that enforces rights, and users who have the rights of a printed policy.
struct RoleSandbox {
    let server: TestServer
    /// The memory as a user sees it who may do everything.
    let owner: Sandbox

    static func run(_ body: (RoleSandbox) async throws -> Void) async throws {
        let server = try await TestServer.shared(.ministack)
        try await Sandbox.run { try await body(RoleSandbox(server: server, owner: $0.using(server))) }
    }

    /// What `holdfast policy` prints alone.
    func document(_ arguments: String...) async throws -> String {
        let run = try await owner.program(
            Sandbox.binary, ["policy", "--account", ServerAdministrator.account] + arguments)
        try #require(run.code == 0, "\(run.err)")
        return run.out
    }

    /// The memory as somebody sees it who has a policy and nothing else.
    /// - Parameter machine: with directories of its own, if not `nil`.
    func user(_ policy: String, machine: String? = nil) async throws -> Sandbox {
        let key = try await ServerAdministrator(server).makeUser(policy: policy)
        var sandbox = machine.map { owner.machine($0) } ?? owner
        sandbox.environment["AWS_ACCESS_KEY_ID"] = key.accessKey
        sandbox.environment["AWS_SECRET_ACCESS_KEY"] = key.secretKey
        return sandbox
    }

    /// The memory as somebody sees it who has a role of the printed policies.
    func user(_ role: MemoryRole, machine: String? = nil, without: Right? = nil) async throws -> Sandbox {
        var policy = try await document("--print", "iam", "--role", role.rawValue)
        if let without { policy = try without.removed(from: policy) }
        return try await user(policy, machine: machine)
    }
}

/// Something that a policy allows and that can be taken away.
struct Right: Sendable, CustomTestStringConvertible {
    let action: String
    /// The part of the memory for which it is taken away; all of it if `nil`.
    var part: MemoryPart?

    var testDescription: String { part.map { "\(action) on \($0)" } ?? action }

    func removed(from policy: String) throws -> String {
        var document = try #require(
            try JSONSerialization.jsonObject(with: Data(policy.utf8)) as? [String: Any], "\(policy)")
        let statements = try #require(document["Statement"] as? [[String: Any]])
        var isFound = false
        document["Statement"] = statements.flatMap { statement -> [[String: Any]] in
            let actions = texts(statement["Action"])
            guard actions.contains(action) else { return [statement] }
            isFound = true
            var rest = statement
            rest["Action"] = actions.filter { $0 != action }
            let others = actions.count > 1 ? [rest] : []
            guard let part else { return others }
            var without = statement
            without["Action"] = action
            let isOther = { (name: String) in !name.hasSuffix("/\(part.pattern)") }
            if action == "s3:ListBucket" {
                let prefixes = texts(
                    ((statement["Condition"] as? [String: Any])?["StringLike"] as? [String: Any])?["s3:prefix"])
                without["Condition"] = ["StringLike": ["s3:prefix": prefixes.filter(isOther)]]
            } else {
                without["Resource"] = texts(statement["Resource"]).filter(isOther)
            }
            return others + [without]
        }
        #expect(isFound, "the policy has no \(action)")
        return String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
    }
}

/// A list, or a text that stands for itself.
func texts(_ value: Any?) -> [String] { value as? [String] ?? [value as? String].compactMap(\.self) }
