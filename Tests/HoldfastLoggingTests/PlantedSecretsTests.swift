import Foundation
import HoldfastLogging
import Logging
import Testing

/// A generator of numbers that a test can start again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("Secrets planted at random") struct PlantedSecretsTests {
    private static let base64Characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    private static let upper = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    private static let hex = Array("0123456789abcdef")
    private static let words = [
        "upload", "of", "part", "3/7", "caf\u{E9}", "failed:", "\u{1F426}", "\"quoted\"", "back\\slash", "tab\there",
        "line\nbreak",
        "key=value", "{\"a\":1}", "https://h/p?q=1&r=2", "<xml>", "%2F", "authorization", "Bearer", "-----",
        "signature=", "\u{1B}[0m", "ghp_",
        "AKIA", "://", "@", "'", "]", "[REDACTED]", "",
    ]

    /// A secret, how it stands in a text, and the part of it that must not be seen.
    private struct Plant {
        let text: String
        let secret: String
    }

    private static func random(_ characters: [Character], _ count: Int, _ generator: inout SeededGenerator) -> String {
        String((0..<count).map { _ in characters[Int.random(in: 0..<characters.count, using: &generator)] })
    }

    private static func plant(_ redactor: Redactor, _ generator: inout SeededGenerator) throws -> Plant {
        let value = random(base64Characters, 40, &generator)
        let token = random(base64Characters.dropLast(2) + ["-", "_", "."], 40, &generator)
        let digits = random(hex, 64, &generator)
        switch Int.random(in: 0..<14, using: &generator) {
        case 0:
            redactor.register(value)
            let forms = try encodings(of: value)
            let form = forms[Int.random(in: 0..<forms.count, using: &generator)]
            return Plant(text: form, secret: form)
        case 1:
            redactor.register(value)
            let prefix = random(hex, Int.random(in: 0...5, using: &generator), &generator)
            let whole = base64(Array((prefix + value).utf8))
            return Plant(text: whole, secret: String(whole.dropFirst(8).prefix(40)))
        case 2: return Plant(text: "Authorization: Bearer \(token)", secret: token)
        case 3: return Plant(text: "bearer \(token)", secret: token)
        case 4: return Plant(text: "Basic \(base64(Array(value.utf8)))", secret: base64(Array(value.utf8)))
        case 5: return Plant(text: "X-Amz-Signature=\(digits)&x=1", secret: digits)
        case 6: return Plant(text: "x-amz-signature%3d\(digits)%26x", secret: digits)
        case 7: return Plant(text: "X-Amz-Security-Token: \(value)", secret: value)
        case 8:
            let id = (Bool.random(using: &generator) ? "AKIA" : "ASIA") + random(upper, 16, &generator)
            return Plant(text: id, secret: id)
        case 9:
            let key = "-----BEGIN PRIVATE KEY-----\n\(value)\n-----END PRIVATE KEY-----"
            return Plant(text: key, secret: value)
        case 10: return Plant(text: "https://user:\(digits)@host/x", secret: digits)
        case 11: return Plant(text: "ghs_\(digits)", secret: digits)
        case 12:
            return Plant(
                text: "AWS4-HMAC-SHA256 Credential=me/1, SignedHeaders=host, Signature=\(digits)", secret: digits)
        default: return Plant(text: "{\"SecretAccessKey\":\"\(value)\"}", secret: value)
        }
    }

    private static func text(around plant: Plant, _ generator: inout SeededGenerator) -> String {
        var words = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
            Self.words.randomElement(using: &generator) ?? ""
        }
        words.insert(plant.text, at: Int.random(in: 0...words.count, using: &generator))
        return words.joined(separator: " ")
    }

    private static func wrapped(_ text: String, _ generator: inout SeededGenerator) -> Logger.MetadataValue {
        var value: Logger.MetadataValue = Bool.random(using: &generator) ? "\(text)" : .stringConvertible(text)
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: value = ["field": value, "other": "x"]
            case 1: value = ["\(text)": value]
            default: value = ["first", value]
            }
        }
        return value
    }

    struct Failed: Error, CustomStringConvertible { let description: String }

    @Test("are in no line, and every line is valid", arguments: [LogFormat.json, .text()])
    func planted(_ format: LogFormat) throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(state: seed)
        for round in 0..<400 {
            let recorder = Recorder()
            let plants = try (0..<4).map { _ in try Self.plant(recorder.redactor, &generator) }
            let texts = plants.map { Self.text(around: $0, &generator) }
            var metadata: Logger.Metadata = ["a": Self.wrapped(texts[1], &generator), "object.key": "\(texts[2])"]
            metadata[texts[2]] = "name"
            metadata["session.token"] = Self.wrapped("plain-\(round)-secret", &generator)
            recorder.logger(format).warning("\(texts[0])", error: Failed(description: texts[3]), metadata: metadata)
            let write = try #require(recorder.writes.first)
            for secret in plants.map(\.secret) + ["plain-\(round)-secret"] {
                // As the line may spell it: JSON escapes, and text escapes quotes.
                let spellings = [secret, secret.replacing("/", with: "\\/"), secret.replacing("\\", with: "\\\\")]
                for spelling in spellings where write.contains(spelling) {
                    Issue.record("seed \(seed), round \(round): '\(spelling)' is in \(write)")
                }
            }
            #expect(write.utf8.filter { $0 == UInt8(ascii: "\n") }.count == 1, "seed \(seed), round \(round)")
            if format == .json {
                #expect(throws: Never.self, "seed \(seed), round \(round): \(write)") {
                    try JSONSerialization.jsonObject(with: Data(write.utf8))
                }
            }
        }
    }

    @Test("redacting twice is the same as once")
    func idempotent() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(state: seed)
        for round in 0..<1000 {
            let redactor = Redactor()
            let text = Self.text(around: try Self.plant(redactor, &generator), &generator)
            let once = redactor.redact(text)
            #expect(same(redactor.redact(once), once), "seed \(seed), round \(round): \(text)")
        }
    }
}
