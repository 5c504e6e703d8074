/// A strict reader of Prometheus' text format (0.0.4):
/// https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
struct MetricsParser {
    struct Sample: Equatable {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    struct Problem: Error { let description: String }

    /// The samples by the name of their metric, in the order of the text.
    private(set) var samples: [Sample] = []
    /// `counter`, `gauge`, `summary` by name.
    private(set) var types: [String: String] = [:]
    private(set) var help: [String: String] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Problem(description: "the last line does not end") }
        var closed: Set<String> = []
        var current: String?
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            let family: String
            if line.hasPrefix("# ") {
                let parts = line.split(separator: " ", maxSplits: 3)
                guard parts.count == 4, parts[1] == "HELP" || parts[1] == "TYPE" else { throw Problem("\(line)") }
                family = String(parts[2])
                guard Self.isName(family) else { throw Problem("\(line)") }
                if parts[1] == "HELP" {
                    guard help.updateValue(String(parts[3]), forKey: family) == nil, types[family] == nil else {
                        throw Problem("\(line)")
                    }
                } else {
                    let known = ["counter", "gauge", "summary", "histogram", "untyped"].contains(String(parts[3]))
                    guard known, types.updateValue(String(parts[3]), forKey: family) == nil else {
                        throw Problem("\(line)")
                    }
                }
            } else {
                let sample = try Self.sample(line)
                guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels }) else {
                    throw Problem("twice: \(line)")
                }
                let base = ["_sum", "_count"].first { sample.name.hasSuffix($0) }
                    .map { String(sample.name.dropLast($0.count)) }
                family = base.flatMap { types[$0] == "summary" ? $0 : nil } ?? sample.name
                guard let type = types[family] else { throw Problem("no type: \(line)") }
                if type == "counter" {
                    guard sample.value >= 0, sample.name.hasSuffix("_total") else { throw Problem("\(line)") }
                }
                samples.append(sample)
            }
            // All lines of one metric stand together.
            if let current, current != family { closed.insert(current) }
            guard !closed.contains(family) else { throw Problem("apart: \(line)") }
            current = family
        }
    }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    private static func isName(_ name: some StringProtocol, colon: Bool = true) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            case UInt8(ascii: ":"): colon
            default: false
            }
        }
    }

    private static func sample(_ line: Substring) throws -> Sample {
        let name = line.prefix { $0 != "{" && $0 != " " }
        guard isName(name) else { throw Problem("\(line)") }
        var rest = line.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" {
                let label = rest.prefix { $0 != "=" }
                rest = rest.dropFirst(label.count)
                guard isName(label, colon: false), rest.hasPrefix("=\"") else { throw Problem("\(line)") }
                rest = rest.dropFirst(2)
                var value = ""
                while let character = rest.first, character != "\"" {
                    rest = rest.dropFirst()
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    guard let escaped = rest.first, let meant = ["\\": "\\", "n": "\n", "\"": "\""][escaped] else {
                        throw Problem("\(line)")
                    }
                    rest = rest.dropFirst()
                    value += meant
                }
                guard rest.first == "\"", labels.updateValue(value, forKey: String(label)) == nil else {
                    throw Problem("\(line)")
                }
                rest = rest.dropFirst()
                if rest.first == "," { rest = rest.dropFirst() } else if rest.first != "}" { throw Problem("\(line)") }
            }
            rest = rest.dropFirst()
        }
        guard rest.first == " ", let value = Double(rest.dropFirst()) else { throw Problem("\(line)") }
        return Sample(name: String(name), labels: labels, value: value)
    }
}

extension MetricsParser.Problem {
    init(_ description: String) { self.description = description }
}
