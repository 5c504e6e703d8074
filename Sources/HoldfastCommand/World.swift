import FileIO
import FoundationEssentials
import Glibc
import NIOCore
import ObjectStore

/// All that a command touches of the outside world, so that a test can bring its own.
struct World: Sendable {
    var environment: [String: String]
    /// Results: standard output.
    var out: @Sendable (String) -> Void
    /// Results that are no text: standard output, byte by byte. Blocks. Gives back 0 or the `errno` that ended it.
    var outBytes: @Sendable (ByteBuffer) -> Int32 = { _ in 0 }
    /// Everything else: standard error, without a line end of its own.
    var err: @Sendable (String) -> Void
    var errIsTerminal: Bool
    /// Where relative paths start.
    var workingDirectory: String
    /// The home directory that the system knows for this user, where `HOME` is not set.
    var accountHome: String
    /// The address of `origin` of the repository in the working directory; `nil` if there is none.
    var gitOrigin: @Sendable () async -> String?
    /// The top directory of the checkout that the working directory is in, if git can tell.
    var gitCheckout: @Sendable () async -> String? = { nil }

    /// Tells whoever collects the output to hide a secret in it.
    var conceal: @Sendable (String) -> Void = { _ in }

    @TaskLocal static var current = World.live

    static let live = World(
        environment: ProcessInfo.processInfo.environment,
        out: { text in
            let code = write(text + "\n", to: 1)
            // A reader that went away, as `head` does, has what it wants.
            guard code != 0, code != EPIPE else { return }
            _ = write("holdfast: cannot write the result: \(systemReason(code))\n", to: 2)
        },
        outBytes: { bytes in bytes.withUnsafeReadableBytes { write($0, to: 1) } },
        err: { text in _ = write(text, to: 2) },
        errIsTerminal: isatty(2) == 1,
        workingDirectory: FileManager.default.currentDirectoryPath,
        accountHome: getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) } ?? "",
        gitOrigin: { await gitRemoteOrigin() }, gitCheckout: { await gitTopLevel() })

    /// The checkout of a repository that the working directory is in; `nil` if it is in none, or in another's.
    func checkout(of repository: String) async -> String? {
        guard let origin = await gitOrigin(), let name = repositoryName(ofRemote: origin),
            ObjectKey(name) == ObjectKey(repository)
        else { return nil }
        return await gitCheckout()
    }

    /// A variable that is set to something; blank counts as unset, as the XDG specification asks.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
    }

    /// An XDG base directory; a relative path is invalid there and ignored.
    func baseDirectory(_ name: String, fallback: String) -> String {
        if let path = variable(name), path.hasPrefix("/") { return path }
        return "\(variable("HOME") ?? accountHome)/\(fallback)"
    }

    /// A path from the root on, in one spelling for each: without empty parts, `.` and a slash at the end.
    ///
    /// `..` stays: only the system knows where it leads, if a link stands before it.
    func absolute(_ path: String) -> String {
        let whole = path.hasPrefix("/") ? path : "\(workingDirectory)/\(path)"
        let names = whole.utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
        return "/" + names.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }

    /// Text is for people: JSON where a CI system collects what is logged.
    var logsJSONByDefault: Bool { isCI && !errIsTerminal }

    /// Whether a CI system runs the command.
    var isCI: Bool { variable("CI").map { !["false", "0", "no"].contains($0.lowercased()) } ?? false }
}

/// - Returns: 0, or the `errno` that ended the writing.
private func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
}

/// - Returns: 0, or the `errno` that ended the writing.
private func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    // A reader that went away is told by `EPIPE` and not by a signal that ends the process.
    _ = ignoresBrokenPipes
    var written = 0
    while written < bytes.count {
        let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
        if count > 0 {
            written += count
        } else if errno == EAGAIN {
            // Someone made the stream non-blocking, which its other owners see as well.
            var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if poll(&wanted, 1, 10_000) <= 0 { return EAGAIN }
        } else if errno != EINTR {
            return errno
        }
    }
    return 0
}

private let ignoresBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
