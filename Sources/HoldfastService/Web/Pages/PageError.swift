import AgentFiles
import Basics
import FileIO
import HTTPTypes
import Holdfast
import ObjectStore
import Repository

/// Why there is no page, in words for its reader.
struct PageError: Error {
    let status: HTTPResponse.Status
    let problem: String
    let hint: String?

    init(_ status: HTTPResponse.Status, _ problem: String, _ hint: String? = nil) {
        (self.status, self.problem, self.hint) = (status, problem, hint)
    }

    /// - Parameter redact: takes credentials out of what others say.
    init(_ error: any Error, redact: (String) -> String) {
        switch error {
        case let error as PageError: self = error
        case is Turnstile.Crowded:
            self.init(.serviceUnavailable, "Too many readers wait for the store.", "Try again in some seconds.")
        case let error as TimeLimitExceeded:
            self.init(
                .gatewayTimeout, "The store did not answer within \(error.limit.components.seconds) s.",
                "The saves go on; the overview shows how they fare.")
        default:
            let error = SyncError(error)
            let isAbsent = error.code == .noSuchSnapshot
            self.init(isAbsent ? .notFound : .badGateway, redact(error.message), error.hint.map(redact))
        }
    }
}
