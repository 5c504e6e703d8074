import Foundation
import TestSupport

@testable import S3Store

/// Where two values differ, by the rules of the vectors: null, "", [] and {} count as absent, so does false; strings
/// are compared by code point; an instant may be off by a millisecond; what `actual` does not name is not asked.
///
/// - Returns: `nil` if they agree.
func difference(_ expected: JSONValue, _ actual: JSONValue, at path: String = "") -> String? {
    if isAbsent(expected) && isAbsent(actual) { return nil }
    switch (expected, actual) {
    case (.null, .object(let members)):
        return difference(.object([:]), .object(members), at: path)
    case (.object(let expected), .object(let actual)):
        for (name, value) in actual {
            if let found = difference(expected[name] ?? .null, value, at: "\(path).\(name)") { return found }
        }
        return nil
    case (.array(let expected), .array(let actual)) where expected.count == actual.count:
        for (index, pair) in zip(expected, actual).enumerated() {
            if let found = difference(pair.0, pair.1, at: "\(path)[\(index)]") { return found }
        }
        return nil
    case (.string(let expected), .string(let actual)) where expected.utf8.elementsEqual(actual.utf8): return nil
    case (.string(let text), .number(let seconds)):
        if let date = Timestamp.iso8601(text), abs(date.timeIntervalSince1970 - seconds) <= 0.001_1 { return nil }
    case (.number(let expected), .number(let actual)) where expected == actual: return nil
    case (.bool(let expected), .bool(let actual)) where expected == actual: return nil
    default: break
    }
    return "\(path): expected \(expected), got \(actual)"
}

private func isAbsent(_ value: JSONValue) -> Bool {
    switch value {
    case .null, .bool(false): true
    case .string(let text): text.isEmpty
    case .array(let items): items.isEmpty
    case .object(let members): members.values.allSatisfy(isAbsent)
    default: false
    }
}
