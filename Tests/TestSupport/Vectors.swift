import Foundation
import Testing

/// One conformance vector: what goes in and what must come out.
///
/// The format is described in `Tests/Fixtures/vectors/README.md`.
public struct Vector: Sendable, Decodable, CustomTestStringConvertible {
    public let id: String
    public let kind: String
    public let group: String
    public let title: String?
    /// What goes in (`setup` for the credential kinds).
    public let input: JSONValue
    public let expected: JSONValue
    /// Other results that pass as well.
    public let accept: [JSONValue]

    public var testDescription: String { "\(id) \(title ?? group)" }

    enum CodingKeys: String, CodingKey { case id, kind, group, title, input, setup, expected, accept }

    public init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        id = try box.decode(String.self, forKey: .id)
        kind = try box.decode(String.self, forKey: .kind)
        group = try box.decode(String.self, forKey: .group)
        title = try box.decodeIfPresent(String.self, forKey: .title)
        input =
            try box.decodeIfPresent(JSONValue.self, forKey: .input)
            ?? box.decode(JSONValue.self, forKey: .setup)
        expected = try box.decode(JSONValue.self, forKey: .expected)
        accept = try box.decodeIfPresent([JSONValue].self, forKey: .accept) ?? []
    }

    /// Whether `actual` is what the vector asks for, by a comparison that the caller chooses.
    public func accepts(_ matches: (_ expected: JSONValue) -> Bool) -> Bool {
        matches(expected) || accept.contains(where: matches)
    }
}

/// The conformance vectors in `Tests/Fixtures/vectors`, or in the folder that `HOLDFAST_VECTORS` names.
public enum Vectors {
    public static let folder: URL =
        ProcessInfo.processInfo.environment["HOLDFAST_VECTORS"].map { URL(fileURLWithPath: $0) }
        ?? Fixtures.folder.appendingPathComponent("vectors")

    /// The vectors of one file and of some kinds.
    ///
    /// A missing or unreadable file stops the test run: no vector may be skipped in silence.
    public static func load(_ file: String, kinds: Set<String>) -> [Vector] {
        struct File: Decodable { let vectors: [Vector] }
        let url = folder.appendingPathComponent(file + ".json")
        do {
            let all = try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).vectors
            let chosen = all.filter { kinds.contains($0.kind) }
            precondition(!chosen.isEmpty, "no vector of kind \(kinds) in \(url.path)")
            return chosen
        } catch {
            fatalError("cannot read the conformance vectors in \(url.path): \(error)")
        }
    }

    /// Whether a file of vectors is there; `endpoints_upstream.json` is optional.
    public static func exists(_ file: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(file + ".json").path)
    }
}

/// Files that tests read.
public enum Fixtures {
    public static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")
}

/// The decoded body of a vector: base64, or one text repeated.
public func bytes(of body: JSONValue) -> [UInt8] {
    if let text = body["base64"].string { return Array(Data(base64Encoded: text) ?? Data()) }
    if let text = body["repeat"].string, let count = body["count"].int {
        return Array(repeating: Array(text.utf8), count: count).flatMap { $0 }
    }
    return Array((body.string ?? "").utf8)
}
