import AgentFiles
import Repository

extension Exclusions {
    /// The rules as a commit says them.
    var captureScope: CaptureScope {
        CaptureScope(
            profile: "opencode", never: Self.neverStoredPatterns, leftOut: Self.leftOutDirectories.map { "/\($0)/" },
            taken: includedPatterns, excluded: excludedPatterns)
    }
}
