import Foundation
import Subprocess
import TestSupport

/// What a run of the command came to.
struct Finished: Sendable {
    let command: String
    /// `nil` if a signal ended it.
    let code: Int32?
    let out: String
    let err: String

    /// The object on standard output; `.null` if there is none.
    var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(out.utf8))) ?? .null }

    var succeeded: Bool { code == 0 && json["success"].bool == true }
    var errorCode: String { json["error"]["code"].string ?? "none" }

    /// For the message of a violation.
    var words: String {
        let said = json["error"]["message"].string ?? err.split(separator: "\n").last.map(String.init) ?? ""
        return "'\(command)' ended with \(code.map(String.init) ?? "a signal") (\(errorCode)): \(said)"
    }

    /// The arguments of the command itself.
    private static func words(_ arguments: [String]) -> String {
        let own = arguments.firstIndex { $0.hasSuffix("/holdfast") }.map { arguments[($0 + 1)...] } ?? arguments[...]
        return own.filter { $0 != "--json" }.joined(separator: " ")
    }

    /// The exit code of a process that `timeout` killed.
    static let killed: Int32 = 128 + 9

    /// Runs a program with nothing but the given environment.
    static func run(
        _ program: String, _ arguments: [String], in folder: String, environment: [String: String],
        meanwhile: @escaping (@escaping (Signal) throws -> Void) async throws -> Void = { _ in }
    ) async throws -> Finished {
        let variables = Dictionary(
            uniqueKeysWithValues: environment.compactMap { key, value in
                Environment.Key(rawValue: key).map { ($0, value) }
            })
        let result = try await Subprocess.run(
            .name("env"), arguments: Arguments(["-C", folder, program] + arguments), environment: .custom(variables),
            input: .none, output: .string(limit: 1 << 24), error: .string(limit: 1 << 22)
        ) { execution in
            try await meanwhile { try execution.send(signal: $0) }
        }
        var code: Int32?
        if case .exited(let exit) = result.terminationStatus { code = Int32(exit) }
        return Finished(
            command: words(arguments), code: code,
            out: result.standardOutput, err: result.standardError)
    }
}
