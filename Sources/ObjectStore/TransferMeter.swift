import NIOConcurrencyHelpers

/// Counts what a store does on the wire. Shared by all tasks of a run.
public final class TransferMeter: Sendable {
    public struct Counts: Sendable, Equatable {
        /// Requests sent, repeated ones included; for a local store, operations.
        public var requests = 0
        /// Bytes of content sent to the store, repeated ones included.
        public var bytesSent: Int64 = 0
        /// Bytes of content received.
        public var bytesReceived: Int64 = 0
    }

    private let counts = NIOLockedValueBox(Counts())

    public init() {}

    public var now: Counts { counts.withLockedValue { $0 } }

    public func count(requests: Int = 0, sent: Int64 = 0, received: Int64 = 0) {
        counts.withLockedValue {
            $0.requests += requests
            $0.bytesSent += sent
            $0.bytesReceived += received
        }
    }
}
