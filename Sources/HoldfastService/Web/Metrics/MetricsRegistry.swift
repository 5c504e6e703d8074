import CoreMetrics
import NIOConcurrencyHelpers

/// Keeps what is recorded through swift-metrics, to be rendered as Prometheus' text format (0.0.4).
///
/// Labels become names of Prometheus: `holdfast.saves` as a counter is `holdfast_saves_total`. Counters, meters and gauges
/// keep their last value; timers and recorders that aggregate keep a sum and a count.
public final class MetricsRegistry: MetricsFactory {
    struct Family: Sendable {
        let kind: Kind
        var series: [[MetricLabel]: MetricSeries] = [:]
    }

    enum Kind: String, Sendable { case counter, gauge, summary }

    private let families = NIOLockedValueBox<[String: Family]>([:])
    private let help: [String: String]

    /// - Parameter help: what each name means, by the name as it is rendered.
    public init(help: [String: String] = [:]) { self.help = help }

    /// Everything that has been recorded, in the text format.
    public func render() -> String {
        let families = families.withLockedValue { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = help[name] { text += "# HELP \(name) \(MetricsText.help(help))\n" }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                let (shown, now) = (MetricsText.labels(labels), series.now)
                if family.kind == .summary {
                    text += "\(name)_sum\(shown) \(MetricsText.value(now.sum))\n"
                    text += "\(name)_count\(shown) \(now.count)\n"
                } else {
                    text += "\(name)\(shown) \(MetricsText.value(now.sum))\n"
                }
            }
        }
        return text
    }

    /// The series of a name. Where a name is in use for another kind, what is recorded goes nowhere.
    private func series(_ label: String, _ dimensions: [(String, String)], _ kind: Kind) -> MetricSeries {
        var name = MetricsText.name(label)
        if kind == .counter, !name.hasSuffix("_total") { name += "_total" }
        let labels = dimensions.map { MetricLabel(name: MetricsText.name($0.0), value: $0.1) }.sorted()
        return families.withLockedValue { families in
            var family = families[name] ?? Family(kind: kind)
            guard family.kind == kind else { return MetricSeries() }
            let series = family.series[labels] ?? MetricSeries()
            family.series[labels] = series
            families[name] = family
            return series
        }
    }

    private func forget(_ series: AnyObject) {
        families.withLockedValue { families in
            for (name, family) in families {
                for (labels, kept) in family.series where kept === series { families[name]?.series[labels] = nil }
                if families[name]?.series.isEmpty == true { families[name] = nil }
            }
        }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        aggregate ? series(label, dimensions, .summary) : LastValue(series(label, dimensions, .gauge))
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .summary)
    }

    public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { forget(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { forget((handler as? LastValue)?.series ?? handler) }
}

struct MetricLabel: Sendable, Hashable, Comparable {
    let name: String
    let value: String

    static func < (a: MetricLabel, b: MetricLabel) -> Bool { (a.name, a.value) < (b.name, b.value) }
}

/// One value, or a sum with its count. It is shared by all who record under one name with the same labels.
final class MetricSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    private let state = NIOLockedValueBox<(sum: Double, count: Int)>((0, 0))

    var now: (sum: Double, count: Int) { state.withLockedValue { $0 } }

    func increment(by amount: Int64) { add(Double(amount)) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func record(_ value: Int64) { add(Double(value)) }
    func record(_ value: Double) { add(value) }
    /// Prometheus counts time in seconds.
    func recordNanoseconds(_ duration: Int64) { add(Double(duration) / 1e9) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLockedValue { $0 = (value, 1) } }
    func reset() { state.withLockedValue { $0 = (0, 0) } }

    private func add(_ amount: Double) { state.withLockedValue { $0 = ($0.sum + amount, $0.count + 1) } }
}

/// A recorder of which only the last value counts: a gauge.
private final class LastValue: RecorderHandler {
    let series: MetricSeries

    init(_ series: MetricSeries) { self.series = series }

    func record(_ value: Int64) { series.set(value) }
    func record(_ value: Double) { series.set(value) }
}
