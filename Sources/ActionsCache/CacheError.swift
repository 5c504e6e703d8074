import FileIO

/// Why a call could not be completed, in the words of its outcome. Never holds a token or a signed address.
enum CacheError: Error, Equatable {
    case exists
    case denied(String)
    case rateLimited(String)
    case unusable(key: String, reason: String)
    case failed(String)

    var reason: String {
        switch self {
        case .exists: "an entry of this key exists, or another run is writing it"
        case .denied(let reason), .rateLimited(let reason), .unusable(_, let reason), .failed(let reason): reason
        }
    }

    /// Words for any error of a call.
    static func reason(of error: any Error) -> String {
        switch error {
        case is CancellationError: "cancelled"
        case let error as CacheError: error.reason
        case let error as FileError: error.description
        case let error as TransportError: error.reason
        default: "\(error)"
        }
    }
}
