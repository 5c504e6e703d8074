import FileIO
import NIOConcurrencyHelpers

/// Open directories below a root for several threads: each call has a ``DirectoryChain`` to itself while it lasts, and
/// finds open what an earlier call left open.
final class DirectoryPool: Sendable {
    /// More threads than this may call; their chains are closed again.
    private static let keptChains = 4

    let root: File
    private let idle = NIOLockedValueBox<[DirectoryChain]>([])

    init(root: File) { self.root = root }

    func withChain<T>(_ body: (inout DirectoryChain) throws(FileError) -> T) throws(FileError) -> T {
        var chain = idle.withLockedValue { $0.popLast() } ?? DirectoryChain(root: root)
        defer { idle.withLockedValue { if $0.count < Self.keptChains { $0.append(chain) } } }
        return try body(&chain)
    }
}
