import Basics
import Glibc

/// A failed file operation: what was tried, on which path, and what the system answered.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The failed operation, as a verb: `open`, `read`, `rename`.
    public let operation: String
    /// The path as it was given, made printable.
    public let path: String
    /// The system's `errno`.
    public let code: Int32

    public init(_ operation: String, path: some Sequence<UInt8>, code: Int32 = errno) {
        self.operation = operation
        self.path = printable(path)
        self.code = code
    }

    /// The path, or a directory on the way to it, does not exist.
    public var isNotFound: Bool { code == ENOENT || code == ENOTDIR }
    /// Nothing has this name, while all directories on the way exist.
    public var isMissing: Bool { code == ENOENT }
    /// Something other than a directory stands on the way.
    public var isNotADirectory: Bool { code == ENOTDIR }
    /// A directory stands where a file is meant.
    public var isADirectory: Bool { code == EISDIR }
    public var alreadyExists: Bool { code == EEXIST }
    public var isAccessDenied: Bool { code == EACCES || code == EPERM }
    /// The file system is full, or the user's share of it.
    public var isOutOfSpace: Bool { code == ENOSPC || code == EDQUOT }
    /// A symbolic link stands where none is followed.
    public var isLink: Bool { code == ELOOP }

    public var description: String { "cannot \(operation) '\(path)': \(reason)" }

    /// Advice, as far as the system's answer tells.
    public var hint: String? {
        switch code {
        case ENOSPC, EDQUOT: "Free some disk space and run the command again."
        case EACCES, EPERM: "Check the owner and the rights."
        case EROFS: "The file system is read-only; name a directory on another one."
        case ENOTDIR: "A file stands where a directory is needed; move it away, or name another directory."
        case ELOOP: "A symbolic link stands on the way, and none is followed; name the directory that it points to."
        default: nil
        }
    }

    /// The system's words for the error.
    public var reason: String { systemReason(code) }
}

/// The system's words for an `errno`.
public func systemReason(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    // The GNU form of strerror_r answers with a pointer, the POSIX form (imported here) fills the buffer.
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Bytes of a name or path for people: valid UTF-8 as it is, control characters and other bytes as `\xNN`.
///
/// Names come from other machines. Printed raw, they could move the cursor or forge a log line.
public func printable(_ bytes: some Sequence<UInt8>) -> String {
    // Nearly every name and log line is plain ASCII; looking up Unicode properties would cost twenty times as much.
    let plain = bytes.withContiguousStorageIfAvailable { storage in
        storage.allSatisfy { (0x20..<0x7F).contains($0) } ? String(decoding: storage, as: UTF8.self) : nil
    }
    if case .some(.some(let text)) = plain { return text }
    let bytes = Array(bytes)
    var text = ""
    var position = 0
    // The parser reads ahead, so it counts what it has used.
    var parser = Unicode.UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    while true {
        let used: Int
        var isShown = false
        switch parser.parseScalar(from: &iterator) {
        case .valid(let encoded):
            used = encoded.count
            let scalar = Unicode.UTF8.decode(encoded)
            isShown = !isControl(scalar)
            if isShown { text.unicodeScalars.append(scalar) }
        case .error(let length): used = length
        case .emptyInput: return text
        }
        if !isShown { for byte in bytes[position..<(position + used)] { text += escaped(byte) } }
        position += used
    }
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    // Format characters include the bidirectional overrides, which reorder what a person reads.
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
}

private func escaped(_ byte: UInt8) -> String {
    "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
}

extension FileError: FailureConvertible {
    public var failure: Failure {
        Failure(
            code: .localFile, message: description,
            hint: isOutOfSpace ? "Free some disk space and run the command again; nothing was changed." : hint)
    }
}
