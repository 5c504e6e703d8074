import FileIO
import FoundationEssentials

/// Whether the event that started a workflow run came from somebody who may write to the repository.
///
/// A run that an outsider can start works on an outsider's words. What the agent remembers of them must not reach the runs of
/// those who are trusted, so such a run reads the store and never writes to it. The table is in
/// docs/decisions/0010-save-and-restore.md. What cannot be told counts as low trust.
public struct EventTrust: Sendable, Equatable {
    /// Why the store must not be written to; `nil` if it may be.
    public let objection: String?

    public var mayWrite: Bool { objection == nil }

    /// Somebody who may write.
    public static let trusted = EventTrust(objection: nil)

    init(objection: String?) { self.objection = objection }

    /// Judges the event of this run, from `GITHUB_EVENT_NAME` and the file that `GITHUB_EVENT_PATH` names. Without an event
    /// there is no workflow run, and nothing to object to.
    public static func of(_ environment: [String: String]) async -> EventTrust {
        guard let event = environment["GITHUB_EVENT_NAME"], !event.isEmpty else { return .trusted }
        return judge(event, payload: await payload(at: environment["GITHUB_EVENT_PATH"]))
    }

    /// Events that only those can start who may write, or that GitHub starts itself.
    private static let trustedEvents: Set<String> = [
        "branch_protection_rule", "create", "delete", "deployment", "deployment_protection_rule", "deployment_status",
        "label", "merge_group", "milestone", "page_build", "project", "project_card", "project_column", "public",
        "push",
        "registry_package", "release", "repository_dispatch", "schedule", "workflow_call", "workflow_dispatch",
    ]

    /// - Parameter payload: the JSON of the event; `nil` if it cannot be had.
    static func judge(_ event: String, payload: [UInt8]?) -> EventTrust {
        if trustedEvents.contains(event) { return .trusted }
        let needsPayload = [
            "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment", "issues",
            "issue_comment", "discussion", "discussion_comment", "workflow_run",
        ]
        guard needsPayload.contains(event) else {
            return EventTrust(objection: "anybody may be behind the event '\(printable(event.utf8))'")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let payload, let facts = try? decoder.decode(EventPayload.self, from: Data(payload)) else {
            return EventTrust(objection: "the payload of the event '\(event)' cannot be read")
        }
        return EventTrust(objection: facts.objection(to: event))
    }

    /// Longer than any payload of GitHub, which has a limit of 25 MB.
    private static let payloadLimit: Int64 = 32 << 20

    private static func payload(at path: String?) async -> [UInt8]? {
        guard let path, !path.isEmpty else { return nil }
        return try? await FileIO.run {
            let file = try File.open(path, .read)
            let status = try file.status()
            guard status.kind == .regular, status.size <= payloadLimit else { return nil }
            return try file.bytes()
        }
    }
}

/// What of an event's payload says who is behind it.
private struct EventPayload: Decodable {
    struct Repository: Decodable {
        let fullName: String?
    }
    struct Head: Decodable {
        let repo: Repository?
    }
    struct PullRequest: Decodable {
        let head: Head?
    }
    struct Authored: Decodable {
        let authorAssociation: String?
    }
    struct WorkflowRun: Decodable {
        let event: String?
        let headRepository: Repository?
    }

    let repository: Repository?
    let pullRequest: PullRequest?
    let issue: Authored?
    let comment: Authored?
    let review: Authored?
    let discussion: Authored?
    let workflowRun: WorkflowRun?

    func objection(to event: String) -> String? {
        switch event {
        case "pull_request", "pull_request_target": fork
        case "pull_request_review": fork ?? outsider(review, "review")
        case "pull_request_review_comment": fork ?? outsider(comment, "comment")
        case "issues": outsider(issue, "issue")
        case "issue_comment", "discussion_comment": outsider(comment, "comment")
        case "discussion": outsider(discussion, "discussion")
        case "workflow_run": cascade
        default: "the event is not known"
        }
    }

    /// A pull request whose branch is in another repository. One that was deleted since counts as another.
    private var fork: String? {
        isOurs(pullRequest?.head?.repo) ? nil : "the pull request comes from a fork"
    }

    /// A run that follows another one is as trusted as that.
    private var cascade: String? {
        guard isOurs(workflowRun?.headRepository) else { return "the run that started this one is of a fork" }
        let known = [
            "push", "schedule", "workflow_dispatch", "repository_dispatch", "release", "merge_group", "pull_request",
        ]
        guard let event = workflowRun?.event, known.contains(event) else {
            return "anybody may be behind the run that started this one"
        }
        return nil
    }

    private func isOurs(_ other: Repository?) -> Bool {
        guard let ours = repository?.fullName, let theirs = other?.fullName else { return false }
        // GitHub's names do not tell the cases of letters apart.
        return ours.lowercased().utf8.elementsEqual(theirs.lowercased().utf8)
    }

    private func outsider(_ text: Authored?, _ what: String) -> String? {
        ["OWNER", "MEMBER", "COLLABORATOR"].contains(text?.authorAssociation)
            ? nil : "the \(what) is by somebody who may not write to the repository"
    }
}
