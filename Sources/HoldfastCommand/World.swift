import FileIO
import FoundationEssentials
import Glibc
import NIOConcurrencyHelpers

/// All that a command touches of the outside world, so that a test can bring its own.
struct World: Sendable {
    var environment: [String: String]
    /// Results: standard output.
    var out: @Sendable (String) -> Void
    /// Everything else that is not a log line: standard error, without a line end of its own.
    var err: @Sendable (String) -> Void
    var errIsTerminal: Bool
    /// The address of `origin` of the repository in the working directory; `nil` if there is none.
    var gitOrigin: @Sendable () async -> String?

    @TaskLocal static var current = World.live

    static let live = World(
        environment: ProcessInfo.processInfo.environment,
        out: { text in write(text + "\n", to: 1) },
        err: { text in write(text, to: 2) },
        errIsTerminal: isatty(2) == 1,
        gitOrigin: { await gitRemoteOrigin() })

    /// A variable that is set to something; blank counts as unset, as the XDG specification asks.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
    }

    /// An XDG base directory; a relative path is invalid there and ignored.
    func baseDirectory(_ name: String, fallback: String) -> String {
        if let path = variable(name), path.hasPrefix("/") { return path }
        return "\(variable("HOME") ?? "")/\(fallback)"
    }

    /// Whether a CI system runs the command.
    var isCI: Bool { variable("CI").map { $0 != "false" && $0 != "0" } ?? false }
}

private func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        // A reader that went away is no reason to fail; there is nobody left to tell.
        guard count > 0 || errno == EINTR else { return }
        bytes = bytes.dropFirst(max(0, count))
    }
}
