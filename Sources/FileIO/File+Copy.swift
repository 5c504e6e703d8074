import NIOCore

extension File {
    /// Copies all of the file into an empty one. Blocks.
    /// - Throws: ``FileError``.
    public func copyContent(to target: File) throws(FileError) {
        var offset: Int64 = 0
        var piece = ByteBuffer()
        while true {
            piece.clear()
            let count = try read(into: &piece, count: 1 << 20, at: offset)
            guard count > 0 else { return }
            try target.write(piece, at: offset)
            offset += Int64(count)
        }
    }
}
