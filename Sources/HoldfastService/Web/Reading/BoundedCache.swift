import NIOConcurrencyHelpers

/// Values that are worth keeping, up to a total weight; what was used least lately goes first.
final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Item {
        let value: Value
        let weight: Int
        var used: UInt64
    }

    private struct State {
        var items: [Key: Item] = [:]
        var weight = 0
        var clock: UInt64 = 0
    }

    private let limit: Int
    private let state = NIOLockedValueBox(State())

    /// - Parameter limit: the most weight that is kept, in whatever unit ``keep(_:as:weight:)`` gets.
    init(limit: Int) { self.limit = limit }

    subscript(key: Key) -> Value? {
        state.withLockedValue { state in
            guard state.items[key] != nil else { return nil }
            state.clock += 1
            state.items[key]?.used = state.clock
            return state.items[key]?.value
        }
    }

    /// Keeps a value unless it alone weighs more than the limit.
    func keep(_ value: Value, as key: Key, weight: Int) {
        guard weight <= limit else { return }
        state.withLockedValue { state in
            state.clock += 1
            state.weight += weight - (state.items[key]?.weight ?? 0)
            state.items[key] = Item(value: value, weight: weight, used: state.clock)
            while state.weight > limit, let oldest = state.items.min(by: { $0.value.used < $1.value.used }) {
                state.items[oldest.key] = nil
                state.weight -= oldest.value.weight
            }
        }
    }

    /// All values, in no order.
    var values: [Value] { state.withLockedValue { $0.items.values.map(\.value) } }
}
