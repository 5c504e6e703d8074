/// One header block of a tar: POSIX ustar, the older form, and GNU's.
struct TarHeader: Equatable {
    static let blockSize = 512

    var name: [UInt8]
    var permissions: UInt32
    var size: Int64
    /// Seconds since 1970.
    var modified: Int64
    var type: UInt8
    var linkName: [UInt8]

    /// - Parameter block: 512 bytes, not all of them zero.
    /// - Throws: ``ArchiveProblem`` if the checksum or a number is wrong.
    init(_ block: [UInt8]) throws(ArchiveProblem) {
        guard block.count == Self.blockSize, Self.hasValidChecksum(block) else {
            throw ArchiveProblem("it is no tar, or damaged: a header has a wrong checksum")
        }
        func text(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }
        name = text(0..<100)
        permissions = UInt32(truncatingIfNeeded: try Self.number(block[100..<108]) & 0o777)
        size = try Self.number(block[124..<136])
        modified = try Self.number(block[136..<148])
        type = block[156]
        linkName = text(157..<257)
        guard size >= 0 else { throw ArchiveProblem(name, "has a negative size") }
        // GNU's own magic ends with a blank, and its headers keep other things where POSIX has the prefix.
        if Array(block[257..<263]) == Array("ustar\0".utf8) {
            let prefix = text(345..<500)
            if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
        }
    }

    /// Octal digits with blanks or NULs around them, or, marked by the first bit, a binary number.
    static func number(_ field: ArraySlice<UInt8>) throws(ArchiveProblem) -> Int64 {
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 {
            var value: Int64 = first & 0x40 != 0 ? -1 : 0
            let digits = [first & 0x40 != 0 ? first : first & 0x7F] + field.dropFirst()
            for digit in digits {
                let (shifted, overflow) = value.multipliedReportingOverflow(by: 256)
                guard !overflow else { throw ArchiveProblem("it is damaged: a number in a header is too large") }
                value = shifted | Int64(digit)
            }
            return value
        }
        let blank: Set<UInt8> = [0, UInt8(ascii: " ")]
        var value: Int64 = 0
        for digit in field.drop(while: { $0 == UInt8(ascii: " ") }).prefix(while: { !blank.contains($0) }) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit), value < 1 << 59 else {
                throw ArchiveProblem("it is damaged: a number in a header is none")
            }
            value = value << 3 | Int64(digit - UInt8(ascii: "0"))
        }
        return value
    }

    /// The sum of all bytes, the sum's own field taken as blanks; some old programs summed signed bytes.
    private static func hasValidChecksum(_ block: [UInt8]) -> Bool {
        guard let stored = try? number(block[148..<156]) else { return false }
        var (unsigned, signed): (Int64, Int64) = (8 * 32, 8 * 32)
        for index in block.indices where !(148..<156).contains(index) {
            unsigned += Int64(block[index])
            signed += Int64(Int8(bitPattern: block[index]))
        }
        return stored == unsigned || stored == signed
    }
}
