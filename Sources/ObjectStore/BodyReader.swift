import FileIO
import NIOCore

/// Reads the content of a body piece by piece. A file is known to be the same file at the end.
public struct BodyReader: Sendable {
    private enum Source: Sendable {
        case bytes(ByteBuffer)
        case file(File, atStart: FileStatus)
    }

    private let source: Source
    private let operation: String
    private let key: ObjectKey

    /// - Parameters:
    ///   - operation: what the content is read for, as a verb, for messages.
    ///   - key: the object that it belongs to, for messages.
    /// - Throws: ``StoreError`` of kind `localFile` for a file that is not a regular one.
    public init(_ body: ObjectBody, for operation: String, key: ObjectKey) async throws(StoreError) {
        self.operation = operation
        self.key = key
        switch body {
        case .bytes(let buffer): source = .bytes(buffer)
        case .file(let file):
            let status: FileStatus
            do { status = try await FileIO.run { try file.status() } } catch {
                throw StoreError(wrapping: error, operation, key: key)
            }
            guard status.kind == .regular else {
                throw StoreError(.localFile, operation, key: key, "'\(printable(file.path))' is not a regular file")
            }
            source = .file(file, atStart: status)
        }
    }

    /// In bytes; of a file, as it was at the start.
    public var size: Int64 {
        switch source {
        case .bytes(let buffer): Int64(buffer.readableBytes)
        case .file(_, let status): status.size
        }
    }

    /// A piece of the content. That of a body in memory is not copied.
    /// - Parameter range: offsets below ``size``.
    /// - Throws: ``StoreError``; `sourceChanged` if a file has become shorter.
    public func read(_ range: Range<Int64>) async throws(StoreError) -> ByteBuffer {
        switch source {
        case .bytes(let buffer):
            let start = buffer.readerIndex + Int(range.lowerBound)
            guard let piece = buffer.getSlice(at: start, length: range.count) else { throw changed("the content") }
            return piece
        case .file(let file, _):
            let piece: ByteBuffer
            do {
                piece = try await FileIO.run {
                    var buffer = ByteBuffer()
                    buffer.reserveCapacity(range.count)
                    _ = try file.read(into: &buffer, count: range.count, at: range.lowerBound)
                    return buffer
                }
            } catch {
                throw StoreError(wrapping: error, operation, key: key)
            }
            guard piece.readableBytes == range.count else { throw changed("'\(printable(file.path))'") }
            return piece
        }
    }

    /// Proves that nobody wrote to a file since it was opened.
    /// - Throws: ``StoreError`` of kind `sourceChanged`.
    public func checkUnchanged() async throws(StoreError) {
        guard case .file(let file, let atStart) = source else { return }
        let now: FileStatus
        do { now = try await FileIO.run { try file.status() } } catch {
            throw StoreError(wrapping: error, operation, key: key)
        }
        // The change time as well: a program can set the modification time back, but not this one.
        guard now.size == atStart.size, now.modified == atStart.modified, now.changed == atStart.changed else {
            throw changed("'\(printable(file.path))'")
        }
    }

    /// The ranges that cut the content into pieces of a length; none for empty content.
    public func pieces(of length: Int64) -> [Range<Int64>] {
        stride(from: 0, to: size, by: Int64.Stride(length)).map { $0..<min($0 + length, size) }
    }

    private func changed(_ what: String) -> StoreError {
        StoreError(
            .sourceChanged, operation, key: key, "\(what) changed while it was read",
            hint: "Run the command again when the agent has stopped writing.")
    }
}
