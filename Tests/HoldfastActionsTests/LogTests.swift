import NIOConcurrencyHelpers
import TestSupport
import Testing

@testable import HoldfastActions

/// What a log wrote, as a runner reads it.
final class WrittenLog: Sendable {
    private let box = NIOLockedValueBox("")
    var text: String { box.withLockedValue { $0 } }
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }

    func log(isOnRunner: Bool = true) -> JobLog {
        JobLog(isOnRunner: isOnRunner) { [box] text in box.withLockedValue { $0 += text } }
    }
}

/// Whether the runner obeys a line: its own rule (`ActionCommand.TryParseV2` and `TryParse`), taken wider for the names.
private func isObeyed(_ line: some StringProtocol) -> Bool {
    let text = line.drop { $0.isWhitespace }
    return text.hasPrefix("::") && text.dropFirst(2).contains("::") || line.contains("##[")
}

@Suite("The log of a job")
struct LogTests {
    @Test(
        "Messages and properties are escaped",
        arguments: [
            ("100 % done", "100 %25 done"), ("a\nb\r\nc", "a%0Ab%0D%0Ac"), ("a: b, c", "a: b, c"), ("%0A", "%250A"),
            ("::error::x", "::error::x"), ("##[error]x", "## [error]x"),
        ])
    func messages(_ message: String, escaped: String) {
        let written = WrittenLog()
        written.log().annotate(.warning, title: "", message)
        #expect(written.text == "::warning::\(escaped)\n")
    }

    @Test("A property ends neither at a comma nor at a colon")
    func properties() {
        let written = WrittenLog()
        written.log().annotate(.notice, title: "a,b=1::c%\r\nd", "m")
        #expect(written.text == "::notice title=a%2Cb=1%3A%3Ac%25%0D%0Ad::m\n")
    }

    @Test(
        "Text of others is printed, and not obeyed",
        arguments: [
            "::error::x", "  ::set-output name=a::b", "\t::add-mask::a", "fine\n::error::x", "fine\r::error::x",
            "fine\r\n::error::x", "\u{A0}::error::x", "\u{3000}::warning::x", "\u{200B}::error::x",
            "\u{AD}::error::x", "\u{0}::error::x", ":\u{200D}:error::x", "a ##[error]x", "##[add-mask]a", "###[error]x",
            "::stop-commands::t\n::t::", "\u{2028}::error::x", "\u{85}::error::x",
        ])
    func untrusted(_ text: String) {
        let written = WrittenLog()
        written.log().say(text)
        #expect(!written.text.isEmpty)
        for line in written.text.split(whereSeparator: \.isNewline) {
            // What compares text by the rules of a language skips characters without width.
            let seen = String(
                String.UnicodeScalarView(line.unicodeScalars.filter { $0.value > 0x1F && $0.value < 0x7F }))
            #expect(!isObeyed(line) && !isObeyed(seen), "\(line.debugDescription)")
        }
    }

    @Test(
        "Harmless text stays as it is", arguments: ["a ::b::", "std::vector", "# heading", "[x]", "## [x]", "", "é: ☕"])
    func harmless(_ text: String) {
        let written = WrittenLog()
        written.log().say(text)
        #expect(written.text == text + "\n")
    }

    @Test("Random text never makes a command", arguments: [UInt64(1), 2, 3, 4])
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let parts = [
            "::", ":", "##[", "#", "[", "]", "error", " ", "\t", "\n", "\r", "\u{200B}", "a", "=", "%", "\u{FEFF}",
        ]
        for _ in 0..<2000 {
            let text = (0..<12).map { _ in parts[Int.random(in: 0..<parts.count, using: &random)] }.joined()
            let written = WrittenLog()
            written.log().say(text)
            let lines = written.text.split { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
            #expect(!lines.contains { isObeyed($0) }, "seed \(seed): \(text.debugDescription)")
        }
    }

    @Test("A secret is masked, of several lines each line as well; a blank one is not")
    func masks() {
        let written = WrittenLog()
        let log = written.log()
        log.mask("one%two")
        log.mask(" \n ")
        log.mask("")
        #expect(written.text == "::add-mask::one%25two\n")
        log.mask("first\nsecond\n\n")
        #expect(
            Set(written.lines.dropFirst()) == [
                "::add-mask::first%0Asecond%0A%0A", "::add-mask::first", "::add-mask::second",
            ])
    }

    @Test("Where no runner reads the log, no mask prints a secret")
    func noRunner() {
        let written = WrittenLog()
        written.log(isOnRunner: false).mask("secret")
        #expect(written.text == "")
    }

    @Test("A group is closed, also by an error")
    func groups() async {
        struct Failure: Error {}
        let written = WrittenLog()
        let log = written.log()
        await #expect(throws: Failure.self) {
            try await log.group("Restore\n::error::x") {
                log.say("inside")
                throw Failure()
            }
        }
        #expect(written.lines == ["::group::Restore%0A::error::x", "inside", "::endgroup::"])
    }
}
