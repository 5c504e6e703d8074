extension RandomAccessCollection {
    /// The first position whose element is not below what is looked for, in a collection that is in order; its end if there
    /// is none.
    /// - Parameter isBelow: `true` for the elements up to some position, `false` for all from there on.
    @inlinable
    public func firstIndex(notBelow isBelow: (Element) throws -> Bool) rethrows -> Index {
        var (low, count) = (startIndex, count)
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if try isBelow(self[middle]) {
                low = index(after: middle)
                count -= half + 1
            } else {
                count = half
            }
        }
        return low
    }
}
