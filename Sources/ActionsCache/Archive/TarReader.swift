import NIOCore

/// A file, directory or link in a tar.
struct TarMember: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case file, directory
        case link(target: [UInt8])
        case hardLink(target: [UInt8])
    }
    let kind: Kind
    let name: [UInt8]
    /// In bytes; 0 for anything but a file.
    let size: Int64
    let permissions: UInt32
    /// Nanoseconds since 1970.
    let modified: Int64
}

/// Reads a tar that arrives piece by piece: POSIX with extended headers, ustar, and GNU's long names.
///
/// Memory stays bounded for any input, and an entry that is not understood is refused rather than skipped.
struct TarReader {
    enum Event: Equatable {
        case member(TarMember)
        /// Part of the content of the file before.
        case content(ByteBuffer)
    }

    /// Of one extended header or long name, in bytes.
    static let extraLimit: Int64 = 1 << 20

    private enum Extra { case pax, global, longName, longLink }
    private enum State {
        case header
        case content(left: Int64, padding: Int)
        case extra(Extra, left: Int64, padding: Int)
        case padding(Int)
        case ended
    }

    private var state = State.header
    private var block: [UInt8] = []
    private var extra: [UInt8] = []
    private var zeroBlocks = 0
    private var pax = PaxRecords()
    private var longName: [UInt8]?
    private var longLink: [UInt8]?

    /// - Returns: what begins or lies in the piece, in order.
    mutating func consume(_ piece: ByteBuffer) throws(ArchiveProblem) -> [Event] {
        var piece = piece
        var events: [Event] = []
        while piece.readableBytes > 0 {
            switch state {
            case .ended: return events
            case .header:
                block += piece.readBytes(length: min(TarHeader.blockSize - block.count, piece.readableBytes)) ?? []
                guard block.count == TarHeader.blockSize else { return events }
                if let member = try takeHeader() { events.append(.member(member)) }
                block.removeAll(keepingCapacity: true)
            case .content(let left, let padding):
                let count = Int(min(left, Int64(piece.readableBytes)))
                if let content = piece.readSlice(length: count) { events.append(.content(content)) }
                state = left == Int64(count) ? next(padding) : .content(left: left - Int64(count), padding: padding)
            case .extra(let kind, let left, let padding):
                let count = Int(min(left, Int64(piece.readableBytes)))
                extra += piece.readBytes(length: count) ?? []
                state = .extra(kind, left: left - Int64(count), padding: padding)
                if left == Int64(count) {
                    try takeExtra(kind)
                    state = next(padding)
                }
            case .padding(let left):
                let count = min(left, piece.readableBytes)
                piece.moveReaderIndex(forwardBy: count)
                state = next(left - count)
            }
        }
        return events
    }

    /// Says that nothing more comes.
    /// - Throws: ``ArchiveProblem`` if the end of the archive is missing.
    func finish() throws(ArchiveProblem) {
        if case .ended = state { return }
        if case .header = state, block.isEmpty, zeroBlocks == 1 { return }
        throw ArchiveProblem("it is truncated: its end is missing")
    }

    private func next(_ padding: Int) -> State { padding > 0 ? .padding(padding) : .header }

    private static func padding(after size: Int64) -> Int {
        Int((Int64(TarHeader.blockSize) - size % Int64(TarHeader.blockSize)) % Int64(TarHeader.blockSize))
    }

    private mutating func takeHeader() throws(ArchiveProblem) -> TarMember? {
        if block.allSatisfy({ $0 == 0 }) {
            zeroBlocks += 1
            guard pax == PaxRecords(), longName == nil, longLink == nil else {
                throw ArchiveProblem("it is damaged: an extended header belongs to no member")
            }
            if zeroBlocks == 2 { state = .ended }
            return nil
        }
        guard zeroBlocks == 0 else { throw ArchiveProblem("it is damaged: there is an empty block between members") }
        let header = try TarHeader(block)
        switch header.type {
        case UInt8(ascii: "x"): try begin(.pax, header)
        case UInt8(ascii: "g"): try begin(.global, header)
        case UInt8(ascii: "L"): try begin(.longName, header)
        case UInt8(ascii: "K"): try begin(.longLink, header)
        default:
            let member = try member(header)
            (pax, longName, longLink) = (PaxRecords(), nil, nil)
            if member.size > 0 { state = .content(left: member.size, padding: Self.padding(after: member.size)) }
            return member
        }
        return nil
    }

    private mutating func begin(_ kind: Extra, _ header: TarHeader) throws(ArchiveProblem) {
        guard header.size > 0, header.size <= Self.extraLimit else {
            throw ArchiveProblem("it is damaged: an extended header has \(header.size) bytes")
        }
        extra.removeAll()
        state = .extra(kind, left: header.size, padding: Self.padding(after: header.size))
    }

    private mutating func takeExtra(_ kind: Extra) throws(ArchiveProblem) {
        switch kind {
        case .pax: pax = try PaxRecords(extra)
        case .global:
            let records = try PaxRecords(extra)
            guard records.path == nil, records.linkPath == nil, records.size == nil, !records.isSparse else {
                throw ArchiveProblem("it gives one name or size to all members")
            }
        case .longName: longName = Array(extra.prefix { $0 != 0 })
        case .longLink: longLink = Array(extra.prefix { $0 != 0 })
        }
    }

    private func member(_ header: TarHeader) throws(ArchiveProblem) -> TarMember {
        let name = pax.path ?? longName ?? header.name
        let target = pax.linkPath ?? longLink ?? header.linkName
        let size = pax.size ?? header.size
        if pax.isSparse { throw ArchiveProblem(name, "is a sparse file") }
        let kind: TarMember.Kind
        switch header.type {
        case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
            // The older form has no type for directories.
            kind = header.type == 0 && name.last == UInt8(ascii: "/") ? .directory : .file
        case UInt8(ascii: "1"): kind = .hardLink(target: target)
        case UInt8(ascii: "2"): kind = .link(target: target)
        case UInt8(ascii: "5"): kind = .directory
        case UInt8(ascii: "3"), UInt8(ascii: "4"): throw ArchiveProblem(name, "is a device")
        case UInt8(ascii: "6"): throw ArchiveProblem(name, "is a named pipe")
        default: throw ArchiveProblem(name, "is of an unknown kind (\(header.type))")
        }
        if kind != .file && size > 0 { throw ArchiveProblem(name, "has content, and is no file") }
        let (time, overflow) = header.modified.multipliedReportingOverflow(by: 1_000_000_000)
        return TarMember(
            kind: kind, name: name, size: size, permissions: header.permissions,
            modified: pax.modified ?? (overflow ? 0 : time))
    }
}
