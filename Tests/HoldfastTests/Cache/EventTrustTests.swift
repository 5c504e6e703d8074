import Foundation
import TestSupport
import Testing

@testable import Holdfast

@Suite("Who is behind a run")
struct EventTrustTests {
    private static let repository = #""repository":{"full_name":"octo/web"}"#
    private static func pull(_ head: String) -> String { #"{"pull_request":{"head":\#(head)},\#(repository)}"# }
    private static func by(_ association: String, _ what: String) -> String {
        #"{"\#(what)":{"author_association":"\#(association)"},\#(repository)}"#
    }
    private static func following(_ event: String, _ head: String) -> String {
        #"{"workflow_run":{"event":"\#(event)","head_repository":\#(head)},\#(repository)}"#
    }
    private static let ours = #"{"full_name":"Octo/Web"}"#
    private static let fork = #"{"full_name":"mallory/web"}"#

    @Test(
        "Events of those who may write are trusted",
        arguments: [
            ("push", "{}"), ("schedule", "{}"), ("workflow_dispatch", "{}"), ("release", "{}"), ("merge_group", "{}"),
            ("repository_dispatch", "not JSON"),
            ("pull_request", pull(#"{"repo":\#(ours)}"#)), ("pull_request_target", pull(#"{"repo":\#(ours)}"#)),
            ("issue_comment", by("OWNER", "comment")), ("issue_comment", by("MEMBER", "comment")),
            ("issue_comment", by("COLLABORATOR", "comment")), ("issues", by("OWNER", "issue")),
            ("discussion", by("MEMBER", "discussion")), ("discussion_comment", by("OWNER", "comment")),
            ("workflow_run", following("push", ours)), ("workflow_run", following("pull_request", ours)),
            (
                "pull_request_review",
                #"{"review":{"author_association":"OWNER"},"pull_request":{"head":{"repo":\#(ours)}},\#(repository)}"#
            ),
        ])
    func trusted(_ event: String, payload: String) {
        #expect(EventTrust.judge(event, payload: Array(payload.utf8)).objection == nil)
    }

    @Test(
        "Events that an outsider can be behind are not, and the reason is said",
        arguments: [
            ("pull_request", pull(#"{"repo":\#(fork)}"#), "fork"),
            ("pull_request_target", pull(#"{"repo":\#(fork)}"#), "fork"),
            // The fork was deleted.
            ("pull_request", pull(#"{"repo":null}"#), "fork"), ("pull_request", pull("null"), "fork"),
            ("pull_request", "{}", "fork"),
            ("issue_comment", by("NONE", "comment"), "comment"),
            ("issue_comment", by("CONTRIBUTOR", "comment"), "comment"),
            ("issue_comment", by("FIRST_TIME_CONTRIBUTOR", "comment"), "comment"),
            // The issue's author is not the comment's.
            ("issue_comment", by("OWNER", "issue"), "comment"),
            ("issues", by("NONE", "issue"), "issue"), ("discussion", by("NONE", "discussion"), "discussion"),
            ("workflow_run", following("push", fork), "fork"), ("workflow_run", following("push", "null"), "fork"),
            ("workflow_run", following("issue_comment", ours), "anybody"),
            (
                "pull_request_review",
                #"{"review":{"author_association":"OWNER"},"pull_request":{"head":{"repo":\#(fork)}},\#(repository)}"#,
                "fork"
            ),
            (
                "pull_request_review_comment",
                #"{"comment":{"author_association":"NONE"},"pull_request":{"head":{"repo":\#(ours)}},\#(repository)}"#,
                "comment"
            ),
            ("fork", "{}", "anybody"), ("watch", "{}", "anybody"), ("check_run", "{}", "anybody"),
            ("something_new", "{}", "anybody"),
            ("issue_comment", "[]", "payload"), ("issue_comment", "", "payload"),
            ("issue_comment", #"{"comment":{"author_association":7}}"#, "payload"),
        ])
    func outsiders(_ event: String, payload: String, word: String) {
        let trust = EventTrust.judge(event, payload: Array(payload.utf8))
        #expect(!trust.mayWrite)
        #expect(trust.objection?.contains(word) == true, "\(trust.objection ?? "trusted")")
    }

    @Test("Without an event there is nothing to object to; without its payload there is")
    func files() async throws {
        #expect(await EventTrust.of([:]) == .trusted)
        #expect(await EventTrust.of(["GITHUB_EVENT_NAME": "push"]) == .trusted)
        #expect(await !EventTrust.of(["GITHUB_EVENT_NAME": "issues"]).mayWrite)
        #expect(await !EventTrust.of(["GITHUB_EVENT_NAME": "issues", "GITHUB_EVENT_PATH": "/no/such"]).mayWrite)
        try await withTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("event.json")
            try Data(Self.by("OWNER", "issue").utf8).write(to: path)
            let environment = ["GITHUB_EVENT_NAME": "issues", "GITHUB_EVENT_PATH": path.path]
            #expect(await EventTrust.of(environment) == .trusted)
            #expect(
                await !EventTrust.of(["GITHUB_EVENT_NAME": "issues", "GITHUB_EVENT_PATH": directory.path]).mayWrite)
        }
    }
}
