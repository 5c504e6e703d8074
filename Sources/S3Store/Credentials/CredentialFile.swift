import FileIO
import NIOCore

/// Small files with settings or tokens.
public enum CredentialFile {
    /// The largest file that is read, in bytes.
    static let limit = 1 << 20

    /// Reads a file whole, off the cooperative pool.
    /// - Returns: `nil` if nothing is there, or no regular file.
    /// - Throws: ``FileError``, or ``CredentialError`` for a file above 1 MiB.
    @Sendable public static func read(_ path: String) async throws -> [UInt8]? {
        try await FileIO.run {
            guard !path.isEmpty else { return nil }
            do {
                let file = try File.open(path, .read)
                let status = try file.status()
                guard status.kind == .regular else { return nil }
                guard status.size <= Int64(limit) else {
                    throw CredentialError(.configuration, "The file \(printable(path.utf8)) is larger than 1 MiB.")
                }
                var buffer = ByteBuffer()
                _ = try file.read(into: &buffer, count: limit, at: 0)
                return Array(buffer: buffer)
            } catch let error as FileError where error.isNotFound {
                return nil
            }
        }
    }
}

extension CredentialContext {
    /// Reads a file of text that has to be there.
    func token(at path: String, from setting: String) async throws -> String {
        let file = printable(path.utf8)
        guard let bytes = try await contents(of: path, from: setting) else {
            throw CredentialError(
                .configuration, "The file '\(file)' that \(setting) names is missing, or is no regular file.",
                advice: "Check the path, or unset \(setting).")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CredentialError(.configuration, "The file '\(file)' that \(setting) names is not UTF-8 text.")
        }
        return text
    }

    /// Reads a file that may be missing.
    func contents(of path: String, from setting: String) async throws -> [UInt8]? {
        do {
            return try await readFile(path)
        } catch let error as CredentialError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw CredentialError(
                .configuration, "The file that \(setting) names cannot be read: \(error).",
                advice: "Make it readable for this user, or unset \(setting).")
        }
    }
}
