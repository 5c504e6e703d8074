import FileIO
import NIOCore

/// The content of an object to be written. It can be read again, so that a failed attempt can be repeated.
public enum ObjectBody: Sendable {
    /// Content in memory.
    case bytes(ByteBuffer)
    /// An open regular file. It is read piece by piece, and the write fails with ``StoreError/Kind/sourceChanged`` if
    /// the file changes meanwhile.
    case file(File)

    /// Opens a file by its path.
    /// - Throws: ``StoreError`` of kind `localFile`.
    public static func file(at path: String) async throws(StoreError) -> ObjectBody {
        do { return .file(try await FileIO.run { try File.open(path, [.read, .noFollow]) }) } catch {
            throw StoreError(wrapping: error, "read")
        }
    }
}

/// The content of an object that is being read.
public struct ObjectContent: Sendable {
    /// The whole object, even where only a range of it was asked for.
    public let info: ObjectInfo
    /// Which bytes follow, half open.
    public let range: Range<Int64>
    /// The bytes, as they arrive. The sequence throws ``StoreError`` if it ends early; it can be read once.
    public let chunks: AnyChunks

    public init(info: ObjectInfo, range: Range<Int64>, chunks: AnyChunks) {
        self.info = info
        self.range = range
        self.chunks = chunks
    }

    /// All bytes in one buffer.
    /// - Parameter limit: refuse to hold more than this many bytes in memory.
    /// - Throws: ``StoreError``.
    public func collect(upTo limit: Int) async throws(StoreError) -> ByteBuffer {
        guard range.count <= limit else {
            throw StoreError(
                .tooLarge, "read", key: info.key, "has \(range.count) bytes, more than the \(limit) expected")
        }
        do {
            var all = ByteBuffer()
            for try await var chunk in chunks { all.writeBuffer(&chunk) }
            return all
        } catch {
            throw StoreError(wrapping: error, "read", key: info.key)
        }
    }
}

/// A stream of buffers whose producer is hidden. Nothing is read ahead of the consumer.
public struct AnyChunks: AsyncSequence, Sendable {
    private let make: @Sendable () -> Iterator

    public init<Base: AsyncSequence & Sendable>(_ base: Base) where Base.Element == ByteBuffer {
        make = {
            var iterator = base.makeAsyncIterator()
            return Iterator { try await iterator.next() }
        }
    }

    public init(_ buffer: ByteBuffer) {
        make = {
            var rest: ByteBuffer? = buffer.readableBytes > 0 ? buffer : nil
            return Iterator {
                defer { rest = nil }
                return rest
            }
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let produce: () async throws -> ByteBuffer?
        public mutating func next() async throws -> ByteBuffer? { try await produce() }
    }

    public func makeAsyncIterator() -> Iterator { make() }
}
