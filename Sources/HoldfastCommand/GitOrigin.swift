import Subprocess

/// The address of `origin`, as git prints it.
func gitRemoteOrigin() async -> String? {
    let result = try? await run(
        .name("git"), arguments: ["remote", "get-url", "origin"], output: .string(limit: 4096), error: .discarded)
    guard let result, result.terminationStatus.isSuccess else { return nil }
    return String(result.standardOutput.prefix { !$0.isNewline })
}

/// The top directory of the checkout that the working directory is in.
func gitTopLevel() async -> String? {
    let result = try? await run(
        .name("git"), arguments: ["rev-parse", "--show-toplevel"], output: .string(limit: 8192), error: .discarded)
    guard let result, result.terminationStatus.isSuccess else { return nil }
    let path = result.standardOutput.prefix { !$0.isNewline }
    return path.isEmpty ? nil : String(path)
}

/// The repository that an address of git names: the path after the host, without `.git`.
/// - Returns: `nil` for an address without a path of at least two parts, such as that of a local directory.
func repositoryName(ofRemote address: String) -> String? {
    var path: Substring
    if let scheme = address.firstRange(of: "://") {
        guard !address.hasPrefix("file:") else { return nil }
        let rest = address[scheme.upperBound...]
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        path = rest[slash...].dropFirst()
    } else {
        // The short form of ssh: user@host:path. A slash before the colon means a local path.
        guard let colon = address.firstIndex(of: ":"), !address[..<colon].contains("/") else { return nil }
        path = address[colon...].dropFirst()
    }
    while path.hasPrefix("/") { path.removeFirst() }
    while path.hasSuffix("/") { path.removeLast() }
    if path.hasSuffix(".git") { path.removeLast(4) }
    return path.contains("/") ? String(path) : nil
}
