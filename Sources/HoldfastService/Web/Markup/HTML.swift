import NIOCore

/// Markup that is safe to send: what is put into it by interpolation is escaped, unless it is markup itself.
///
///     let row: HTML = "<td title=\"\(name)\">\(name)</td>"
struct HTML: ExpressibleByStringInterpolation, Sendable {
    private(set) var bytes: [UInt8]

    init(stringLiteral value: String) { bytes = Array(value.utf8) }
    init(stringInterpolation: StringInterpolation) { bytes = stringInterpolation.bytes }

    /// Text as markup.
    /// - Parameter keepingLines: line ends and tabs stay as they are, for a place that shows them.
    init(text: some StringProtocol, keepingLines: Bool = false) {
        bytes = []
        ShownText.append(text, keepingLines: keepingLines, to: &bytes)
    }

    /// Markup that follows each other.
    init(_ parts: some Sequence<HTML>) {
        bytes = []
        for part in parts { bytes += part.bytes }
    }

    static func += (left: inout HTML, right: HTML) { left.bytes += right.bytes }

    var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    struct StringInterpolation: StringInterpolationProtocol {
        var bytes: [UInt8] = []

        init(literalCapacity: Int, interpolationCount: Int) {
            bytes.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }

        mutating func appendLiteral(_ literal: String) { bytes += literal.utf8 }
        mutating func appendInterpolation(_ markup: HTML) { bytes += markup.bytes }
        mutating func appendInterpolation(_ markup: HTML?) { if let markup { bytes += markup.bytes } }
        mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { bytes += part.bytes } }
        mutating func appendInterpolation(_ number: some BinaryInteger) { bytes += String(number).utf8 }

        mutating func appendInterpolation(_ text: some StringProtocol) {
            ShownText.append(text, keepingLines: false, to: &bytes)
        }
    }
}
