import TestSupport
import Testing

@testable import AgentDatabase

@Suite("A set of small integers")
struct BitSetTests {
    @Test("It holds what a set holds", arguments: [1, 63, 64, 65, 300])
    func agreesWithSet(limit: Int) {
        var random = SeededGenerator(seed: UInt64(limit))
        var bits = BitSet(below: limit)
        var members: Set<Int> = []
        for _ in 0..<300 {
            let start = Int.random(in: 0...limit, using: &random)
            let range = start..<Int.random(in: start...min(limit, start + 130), using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                bits.remove(range)
                members.subtract(range)
            } else {
                #expect(bits.insert(range) == members.isDisjoint(with: range))
                members.formUnion(range)
            }
            let from = Int.random(in: 0...limit, using: &random)
            #expect(
                bits.first(isMember: true, from: from, below: limit)
                    == (from..<limit).first { members.contains($0) } ?? limit)
            #expect(
                bits.first(isMember: false, from: from, below: limit)
                    == (from..<limit).first { !members.contains($0) } ?? limit)
        }
        for start in [0, limit / 2, limit] {
            var other = BitSet(below: limit)
            var others: Set<Int> = []
            for _ in 0..<3 {
                let one = Int.random(in: 0..<limit, using: &random)
                other.insert(one..<one + 1)
                others.insert(one)
            }
            var union = bits
            let common = union.formUnion(other, from: start)
            #expect(common == members.intersection(others).filter { $0 >= start }.min())
            let expected = members.union(others)
            for number in 0..<limit {
                let isMember = union.first(isMember: true, from: number, below: limit) == number
                #expect(isMember == expected.contains(number))
            }
        }
        bits.removeAll()
        #expect(bits.first(isMember: true, from: 0, below: limit) == limit)
    }
}
