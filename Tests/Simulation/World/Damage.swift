import NIOCore

/// An object that is no longer what was written, although nobody has written it again.
package struct Damage: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// Only the first bytes are left.
        case cut(Int)
        /// One bit is another.
        case flipped(byte: Int, bit: Int)
        /// It is listed, and a read says that it does not exist.
        case gone
    }

    package let kind: Kind
    /// Whether the store's tag of the object tells it.
    package let isTagged: Bool

    package init(_ kind: Kind, isTagged: Bool) {
        self.kind = kind
        self.isTagged = isTagged
    }

    /// - Returns: `nil` if nothing is left.
    func applied(to content: ByteBuffer) -> ByteBuffer? {
        switch kind {
        case .gone: return nil
        case .cut(let length): return content.getSlice(at: content.readerIndex, length: length)
        case .flipped(let byte, let bit):
            var copy = content
            let place = copy.readerIndex + byte
            copy.setInteger((copy.getInteger(at: place, as: UInt8.self) ?? 0) ^ UInt8(1 << bit), at: place)
            return copy
        }
    }
}
