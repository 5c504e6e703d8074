import FoundationEssentials
import NIOCore

/// One JSON object of a service. Unknown members are ignored, and a missing one is as good as an empty one, as in
/// proto3; whole numbers may come as strings.
struct JSONFields: Decodable {
    private enum Value: Decodable {
        case text(String)
        case number(Int64)
        case flag(Bool)
        case other

        init(from decoder: any Decoder) throws {
            let box = try decoder.singleValueContainer()
            if let flag = try? box.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? box.decode(Int64.self) {
                self = .number(number)
            } else if let text = try? box.decode(String.self) {
                self = .text(text)
            } else {
                self = .other
            }
        }
    }

    private let members: [String: Value]

    /// - Returns: `nil` unless the bytes are one JSON object. A byte order mark before it is skipped.
    init?(_ body: ByteBuffer) {
        var bytes = Array(body.readableBytesView)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let fields = try? JSONDecoder().decode(JSONFields.self, from: Data(bytes)) else { return nil }
        self = fields
    }

    init(from decoder: any Decoder) throws { members = try [String: Value](from: decoder) }

    /// The first of these members that is a text; else "".
    func text(_ names: String...) -> String {
        for name in names { if case .text(let text)? = members[name] { return text } }
        return ""
    }

    func flag(_ name: String) -> Bool { if case .flag(let flag)? = members[name] { flag } else { false } }

    func number(_ name: String) -> Int64? {
        switch members[name] {
        case .number(let number): number
        case .text(let text): Int64(text)
        default: nil
        }
    }
}

/// Encodes a request.
func jsonBody(_ value: some Encodable) throws -> ByteBuffer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return ByteBuffer(bytes: try encoder.encode(value))
}
