import TestSupport

/// Draws for one part of a simulation. Parts have dice of their own, so that one more draw here moves nothing there.
package struct Dice: Sendable {
    private var generator: SeededGenerator

    /// - Parameter part: which part of the simulation this is for.
    package init(seed: UInt64, part: UInt64) {
        generator = SeededGenerator(seed: seed)
        generator = SeededGenerator(seed: generator.next() ^ (part &* 0xD6E8_FEB8_6659_FD93))
    }

    package mutating func word() -> UInt64 { generator.next() }
    package mutating func bytes(_ count: Int) -> [UInt8] { generator.bytes(count) }

    package mutating func number(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(generator.next() % UInt64(range.count))
    }

    /// `true` in so many of 1,000 cases.
    package mutating func chance(_ perMille: Int) -> Bool { Int(generator.next() % 1000) < perMille }

    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[number(in: 0...(elements.count - 1))]
    }

    /// The place of one of several weights, each as probable as it is heavy.
    package mutating func pick(weights: [Int]) -> Int {
        var rest = number(in: 1...weights.reduce(0, +))
        for (place, weight) in weights.enumerated() {
            rest -= weight
            if rest <= 0 { return place }
        }
        return weights.count - 1
    }
}
