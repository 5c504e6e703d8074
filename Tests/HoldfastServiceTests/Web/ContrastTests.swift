import Foundation
import Testing

@testable import HoldfastService

@Suite("Colours of the status page")
struct ContrastTests {
    /// The colours of the light scheme, then of the dark one.
    private static let schemes: [[String: String]] = Stylesheet.text.matches(of: /:root \{([^}]*)\}/).map { block in
        var colours: [String: String] = [:]
        for pair in block.output.1.matches(of: /--([a-z-]+): #([0-9a-f]{6})/) {
            colours[String(pair.output.1)] = String(pair.output.2)
        }
        return colours
    }

    @Test("text can be read on what it stands on, in the light and in the dark", arguments: [0, 1])
    func contrast(_ scheme: Int) throws {
        try #require(Self.schemes.count == 2)
        let colours = Self.schemes[scheme]
        let texts = ["text", "muted", "link", "good", "busy", "bad"]
        var pairs = texts.flatMap { [($0, "ground"), ($0, "raised")] }
        pairs += ["good", "busy", "bad"].map { ($0, "\($0)-ground") }
        pairs += [("text", "bad-ground"), ("link", "bad-ground"), ("muted", "area")]
        for (text, ground) in pairs {
            let ratio = Self.ratio(try #require(colours[text]), try #require(colours[ground]))
            #expect(ratio >= 4.5, "\(text) on \(ground): \(ratio)")
        }
    }

    /// By the formula of WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    private static func ratio(_ a: String, _ b: String) -> Double {
        let (light, dark) = (max(luminance(a), luminance(b)), min(luminance(a), luminance(b)))
        return (light + 0.05) / (dark + 0.05)
    }

    private static func luminance(_ colour: String) -> Double {
        let value = Int(colour, radix: 16) ?? 0
        return zip([16, 8, 0], [0.2126, 0.7152, 0.0722]).reduce(0) { sum, channel in
            let share = Double(value >> channel.0 & 0xFF) / 255
            return sum + channel.1 * (share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4))
        }
    }
}
