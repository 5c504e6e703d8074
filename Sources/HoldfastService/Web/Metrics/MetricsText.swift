/// The parts of Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/
enum MetricsText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// A name with nothing in it but letters, digits and underscores, the first of which is no digit.
    static func name(_ label: String) -> String {
        let bytes = label.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.first.map { $0.isNumber } ?? true ? "_" + text : text
    }

    static func labels(_ labels: [MetricLabel]) -> String {
        labels.isEmpty ? "" : "{" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    static func value(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && value.magnitude < 0x1p53 ? "\(Int64(value))" : "\(value)"
    }

    /// In a help text, only the backslash and the end of a line have a meaning.
    static func help(_ text: String) -> String { escaped(text, quote: false) }

    private static func escaped(_ text: String, quote: Bool = true) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quote: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
