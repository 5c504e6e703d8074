/// A set of the integers below a limit, one bit each: pages of a file, bytes of a page.
struct BitSet {
    private var words: [UInt64]

    init(below limit: Int) { words = Array(repeating: 0, count: (limit + 63) / 64) }

    mutating func removeAll() {
        for index in words.indices { words[index] = 0 }
    }

    /// Adds a range, which lies below the limit.
    /// - Returns: whether none of it was a member before.
    @discardableResult
    mutating func insert(_ range: Range<Int>) -> Bool {
        var present: UInt64 = 0
        Self.forEachWord(of: range) { word, mask in
            present |= words[word] & mask
            words[word] |= mask
        }
        return present == 0
    }

    /// Takes a range out, which lies below the limit.
    mutating func remove(_ range: Range<Int>) {
        Self.forEachWord(of: range) { word, mask in words[word] &= ~mask }
    }

    /// Adds the members of another set with the same limit.
    /// - Returns: the least that both had and that is not below `start`, if there is one.
    mutating func formUnion(_ other: BitSet, from start: Int = 0) -> Int? {
        var common: Int?
        for (index, word) in other.words.enumerated() {
            let both = words[index] & word & (index == start >> 6 ? UInt64.max << UInt64(start & 63) : UInt64.max)
            if both != 0, common == nil, index >= start >> 6 { common = index << 6 + both.trailingZeroBitCount }
            words[index] |= word
        }
        return common
    }

    /// The least member, or non-member, that is not below `start`; `limit` if there is none below it.
    func first(isMember: Bool, from start: Int, below limit: Int) -> Int {
        var position = start
        while position < limit {
            let word = (isMember ? words[position >> 6] : ~words[position >> 6]) >> UInt64(position & 63)
            if word != 0 { return min(limit, position + word.trailingZeroBitCount) }
            position = (position | 63) + 1
        }
        return limit
    }

    private static func forEachWord(of range: Range<Int>, _ body: (Int, UInt64) -> Void) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, (start | 63) + 1)
            body(start >> 6, (UInt64.max >> UInt64(64 - (end - start))) << UInt64(start & 63))
            start = end
        }
    }
}
