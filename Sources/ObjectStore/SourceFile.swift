import FileIO
import NIOCore

/// A local file that is being uploaded: read piece by piece, and known to be the same file at the end.
public struct SourceFile: Sendable {
    private let file: File
    private let atStart: FileStatus
    /// In bytes, as it was when the file was opened.
    public var size: Int64 { atStart.size }

    /// - Throws: ``StoreError`` of kind `localFile` if it is not a regular file.
    public init(_ file: File, operation: String, key: ObjectKey) async throws(StoreError) {
        self.file = file
        do { atStart = try await FileIO.run { try file.status() } } catch {
            throw StoreError(wrapping: error, operation, key: key)
        }
        guard atStart.kind == .regular else {
            throw StoreError(.localFile, operation, key: key, "'\(printable(file.path))' is not a regular file")
        }
    }

    /// Reads a range of the file into memory.
    /// - Throws: ``StoreError``; `sourceChanged` if the file has become shorter.
    public func read(_ range: Range<Int64>, operation: String, key: ObjectKey) async throws(StoreError) -> ByteBuffer {
        let file = file
        let buffer: ByteBuffer
        do {
            buffer = try await FileIO.run {
                var buffer = ByteBuffer()
                buffer.reserveCapacity(range.count)
                _ = try file.read(into: &buffer, count: range.count, at: range.lowerBound)
                return buffer
            }
        } catch {
            throw StoreError(wrapping: error, operation, key: key)
        }
        guard buffer.readableBytes == range.count else { throw changed(operation, key) }
        return buffer
    }

    /// Proves that nobody wrote to the file since it was opened.
    /// - Throws: ``StoreError`` of kind `sourceChanged`.
    public func checkUnchanged(operation: String, key: ObjectKey) async throws(StoreError) {
        let file = file
        let now: FileStatus
        do { now = try await FileIO.run { try file.status() } } catch {
            throw StoreError(wrapping: error, operation, key: key)
        }
        // The change time as well: a program can set the modification time back, but not this one.
        guard now.size == atStart.size, now.modified == atStart.modified, now.changed == atStart.changed else {
            throw changed(operation, key)
        }
    }

    private func changed(_ operation: String, _ key: ObjectKey) -> StoreError {
        StoreError(
            .sourceChanged, operation, key: key, "'\(printable(file.path))' changed while it was read",
            hint: "Run the command again when the agent has stopped writing.")
    }
}
