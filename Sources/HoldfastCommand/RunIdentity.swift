import Glibc
import Repository

/// Who saves, as a snapshot says it to people: the host and the process.
func writerName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    let known = gethostname(&buffer, buffer.count - 1) == 0
    let host = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "\(known ? host : "unknown"):\(getpid())"
}

/// The run of a GitHub workflow that this process is part of, as GitHub's variables say.
func workflowRun(_ environment: [String: String]) -> Commit.Run? {
    guard let id = environment["GITHUB_RUN_ID"], !id.isEmpty else { return nil }
    return Commit.Run(
        id: id, attempt: environment["GITHUB_RUN_ATTEMPT"], workflow: environment["GITHUB_WORKFLOW"],
        ref: environment["GITHUB_REF"])
}
