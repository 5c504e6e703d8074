import Foundation
import NIOHTTP1
import Testing

@testable import S3Store

@Suite("XML under mutation")
struct XMLFuzzTests {
    /// Splitmix64, so that a seed gives the same inputs everywhere.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private static let tokens = [
        "<", ">", "/>", "</", "&", ";", "&#", "&#x", "&amp;", "<!--", "-->", "--", "<![CDATA[", "]]>", "<?", "?>",
        "<?xml ",
        "<!DOCTYPE ", "\"", "'", "=", "\0", "\r\n", "\u{FEFF}", "%", "+", "<Error>", "</Error>", "99999999999999999999",
    ].map { Array($0.utf8) }

    private func mutate(_ bytes: inout [UInt8], _ random: inout Generator) {
        let at = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, at + Int.random(in: 0...12, using: &random))
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.removeSubrange(at..<end)
        case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        case 2: bytes.insert(contentsOf: Self.tokens.randomElement(using: &random) ?? [], at: at)
        case 3: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
        case 4 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        default: bytes.removeSubrange(at...)
        }
    }

    @Test("20,000 mutated answers are read or refused, and what is read can be written and read again")
    func mutations() throws {
        let given = ProcessInfo.processInfo.environment["HOLDFAST_FUZZ_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("XML mutation seed: \(seed) (repeat with HOLDFAST_FUZZ_SEED)")
        var random = Generator(state: seed)
        var read = 0
        for round in 0..<20_000 {
            var bytes = Array(Samples.all[round % Samples.all.count].utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
            let response = ServiceResponse(
                operation: .listObjectsV2, status: round % 2 == 0 ? 200 : 503, headers: [:], body: bytes,
                asksURLEncoding: true)
            do throws(ServiceError) {
                _ = try response.document(ListPage.self)
            } catch {
                #expect(error.description.count <= ServiceError.maximumDescription, "seed \(seed), round \(round)")
            }
            guard let root = try? XMLElement.parse(bytes) else { continue }
            read += 1
            let again = try XMLElement.parse(Array(written(root).utf8))
            #expect(same(root, again), "seed \(seed), round \(round)")
        }
        #expect(read > 0)
    }

    private func written(_ element: XMLElement) -> String {
        let attributes = element.attributes.map { " \($0)=\"\(escaped($1))\"" }.joined()
        let inside = element.children.map(written).joined()
        return "<\(element.name)\(attributes)>\(escaped(element.text))\(inside)</\(element.name)>"
    }

    private func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(contentsOf: "&#\(scalar.value);".unicodeScalars) }
        return String(result)
    }

    private func same(_ a: XMLElement, _ b: XMLElement) -> Bool {
        a.name.utf8.elementsEqual(b.name.utf8) && a.text.utf8.elementsEqual(b.text.utf8) && a.attributes == b.attributes
            && a.children.count == b.children.count && zip(a.children, b.children).allSatisfy(same)
    }
}
