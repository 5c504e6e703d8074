import Basics
import Glibc

/// The directory of temporary files: `$TMPDIR`, or `/tmp`.
public enum TemporaryFiles {
    public static var directory: String {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        return folder.isEmpty ? "/tmp" : folder
    }
}

/// A temporary file that could not be made or written, which is about no file of the user's.
public struct TemporaryFileError: Error, Sendable, Equatable, CustomStringConvertible, FailureConvertible {
    public let directory: String
    public let reason: String

    public init(_ reason: String) { (directory, self.reason) = (TemporaryFiles.directory, reason) }

    public var description: String {
        "no temporary file can be written in '\(printable(directory.utf8))' (TMPDIR): \(reason)"
    }

    public var failure: Failure {
        Failure(
            code: .localFile, message: description,
            hint: "Set TMPDIR to a directory that exists and has room for a copy of the database.")
    }
}
