import Foundation

/// A random generator whose whole sequence follows from its seed (SplitMix64), for tests that draw their cases.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    public let seed: UInt64
    private var state: UInt64

    public init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A generator for one test: with the seed in `HOLDFAST_TEST_SEED` if that is set, else with a new one. The seed is
    /// printed, so that a failure can be repeated.
    public static func forTest(_ name: String = #function) -> SeededGenerator {
        let given = ProcessInfo.processInfo.environment["HOLDFAST_TEST_SEED"].map { text in
            guard let seed = UInt64(text) else { fatalError("HOLDFAST_TEST_SEED is '\(text)', not a whole number") }
            return seed
        }
        let generator = SeededGenerator(seed: given ?? .random(in: 0...UInt64(UInt32.max)))
        print("\(name): HOLDFAST_TEST_SEED=\(generator.seed)")
        return generator
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// So many random bytes.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: next().littleEndian) { bytes.append(contentsOf: $0) } }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
