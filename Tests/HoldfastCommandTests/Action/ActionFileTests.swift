import Foundation
import HoldfastActions
import S3Store
import TestSupport
import Testing
import Yams

@testable import HoldfastCommand

@Suite("action.yaml")
struct ActionFileTests {
    private struct ActionFile: Decodable {
        struct Input: Decodable {
            let description: String
            let required: Bool
            let `default`: String
        }
        struct Output: Decodable { let description: String }
        struct Runs: Decodable {
            let using: String
            let main: String
            let post: String
            let postIf: String
            enum CodingKeys: String, CodingKey {
                case using, main, post
                case postIf = "post-if"
            }
        }
        let inputs: [String: Input]
        let outputs: [String: Output]
        let runs: Runs
    }

    private let file: ActionFile

    init() throws {
        let text = try Data(contentsOf: Project.folder.appendingPathComponent("action.yaml"))
        file = try YAMLDecoder().decode(ActionFile.self, from: text)
    }

    @Test("The RFC's inputs have the RFC's defaults, and none is required")
    func defaults() {
        #expect(file.inputs["s3-backup"]?.default == "false")
        #expect(file.inputs["s3-bucket"]?.default == "")
        #expect(file.inputs["s3-region"]?.default == "us-east-1")
        #expect(file.inputs["s3-prefix"]?.default == "opencode-storage")
        #expect(file.inputs["s3-mirror"]?.default == "true")
        #expect(file.inputs["agent-identity"]?.default == "github")
        #expect(file.inputs["restore-policy"]?.default == "newest")
        #expect(file.inputs["save"]?.default == "true")
        #expect(file.inputs["fail-on-error"]?.default == "false")
        #expect(file.inputs.values.allSatisfy { !$0.required && !$0.description.isEmpty })
    }

    @Test("The command reads each input that the file lists, and no other")
    func inputs() {
        // These are read by the scripts, and these by no setting.
        let others: Set = [
            "binary-path", "s3-backup", "save", "role-to-assume", "role-session-name", "role-duration-seconds",
            "audience",
        ]
        #expect(Set(file.inputs.keys) == others.union(ActionRequest.names.values))
    }

    @Test("With the file's defaults nothing is set that would not be without them")
    func request() throws {
        let environment = file.inputs.map { ("INPUT_\($0.key.uppercased())", $0.value.default) }
        let request = try ActionRequest(
            ActionInputs(Dictionary(uniqueKeysWithValues: environment)), home: "/home/runner")
        #expect(request.flags == [.agent: "github", .restorePolicy: "newest", .strict: "false"])
        #expect(request.role == nil)
        #expect(request.saves)
    }

    @Test("A store with a role is what the inputs say")
    func store() throws {
        let request = try ActionRequest(
            ActionInputs([
                "INPUT_S3-BACKUP": "true", "INPUT_S3-BUCKET": "bucket", "INPUT_S3-REGION": "eu-west-1",
                "INPUT_S3-MIRROR": "False", "INPUT_STORAGE-PATH": "~/state", "INPUT_SHARE-FROM": "discord\nbot",
                "INPUT_ROLE-TO-ASSUME": "arn:aws:iam::123456789012:role/r", "INPUT_ROLE-DURATION-SECONDS": "900",
                "INPUT_SAVE": "false",
            ]), home: "/home/runner")
        #expect(
            request.flags == [
                .store: "s3://bucket", .region: "eu-west-1", .mirror: "false", .storage: "/home/runner/state",
                .shareFrom: "discord,bot",
            ])
        #expect(request.role?.arn == "arn:aws:iam::123456789012:role/r")
        #expect(request.role?.audience == "sts.amazonaws.com")
        #expect(request.role?.duration == 900)
        #expect(!request.saves)
    }

    @Test("Both phases are scripts that are there, and post runs whatever became of the job")
    func runs() {
        #expect(file.runs.using == "node24")
        #expect(file.runs.postIf == "always()")
        for path in [file.runs.main, file.runs.post] {
            #expect(FileManager.default.fileExists(atPath: Project.folder.appendingPathComponent(path).path))
        }
    }

    @Test("The outputs are those that the command sets")
    func outputs() {
        #expect(
            Set(file.outputs.keys) == [
                "cache-status", "cache-source", "cache-key", "snapshot", "object-count", "total-bytes", "duration",
            ])
    }
}
