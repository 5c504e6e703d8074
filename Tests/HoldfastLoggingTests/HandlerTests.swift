import Foundation
import HoldfastLogging
import Logging
import Testing

@Suite("Log lines") struct HandlerTests {
    let recorder = Recorder()

    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("JSON has the time, the level and the message, and the metadata beside them")
    func json() throws {
        var logger = recorder.logger(.json)
        logger[metadataKey: "repo"] = "o/r"
        logger.info(
            "saved", metadata: ["snapshot": "abc", "nested": ["a": ["b", "c"]], "count": .stringConvertible(5)])
        #expect(
            recorder.writes == [
                #"{"timestamp":"2023-11-14T22:13:20.125Z","level":"info","message":"saved","count":5,"#
                    + #""nested":{"a":["b","c"]},"repo":"o/r","snapshot":"abc"}"# + "\n"
            ])
        #expect(try object(recorder.writes[0]).count == 7)
    }

    @Test(
        "swift-log's levels become four",
        arguments: [
            (.trace, "debug"), (.debug, "debug"), (.info, "info"), (.notice, "info"), (.warning, "warning"),
            (.error, "error"),
            (.critical, "error"),
        ] as [(Logger.Level, String)])
    func levels(_ level: Logger.Level, _ expected: String) throws {
        recorder.logger(.json).log(level: level, "m")
        recorder.logger(.text()).log(level: level, "m")
        #expect(try object(recorder.writes[0])["level"] as? String == expected)
        #expect(recorder.writes[1] == "\(expected): m\n")
    }

    @Test("what is below the level is not written")
    func level() {
        let logger = recorder.logger(.json, level: .warning)
        logger.notice("no")
        logger.warning("yes")
        #expect(recorder.writes.count == 1)
    }

    @Test("metadata cannot take the place of the time, the level or the message")
    func reserved() throws {
        recorder.logger(.json).info(
            "real", metadata: ["message": "forged", "level": "error", "timestamp": "never", "context.level": "other"])
        let line = try object(recorder.writes[0])
        #expect(line["message"] as? String == "real")
        #expect(line["level"] as? String == "info")
        #expect(line["context.message"] as? String == "forged")
        #expect(
            Set([line["context.level"], line["context.context.level"]].map { $0 as? String }) == ["error", "other"])
        #expect(line.count == 7)
    }

    @Test("names that are equal once redacted stay two")
    func equalNames() throws {
        recorder.logger(.json).info(
            "m",
            metadata: ["n": ["AKIAIOSFODNN7EXAMPLE": "1", "AKIAIOSFODNN7EXAMPLF": "2"], "caf\u{E9}": "1", "x": "2"])
        let nested = try #require(try object(recorder.writes[0])["n"] as? [String: String])
        #expect(nested == ["[REDACTED]": "1", "context.[REDACTED]": "2"])
    }

    @Test("the call's metadata wins over the provider's, and that over the logger's")
    func merging() throws {
        var logger = recorder.logger(.json, provider: .init { ["a": "provider", "b": "provider"] })
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("m", metadata: ["b": "call"])
        let line = try object(recorder.writes[0])
        #expect([line["a"], line["b"], line["c"]].map { $0 as? String } == ["provider", "call", "logger"])
    }

    @Test("an error is a field, redacted like all others")
    func error() throws {
        struct Refused: Error, CustomStringConvertible { var description: String { "GET https://u:p@h/k: 403" } }
        recorder.logger(.json).warning("upload failed", error: Refused(), metadata: ["attempt": "2"])
        recorder.logger(.text()).warning("upload failed", error: Refused(), metadata: ["attempt": "2"])
        #expect(try object(recorder.writes[0])["error"] as? String == "GET https://[REDACTED]@h/k: 403")
        #expect(recorder.writes[1] == "warning: upload failed attempt=2 error=\"GET https://[REDACTED]@h/k: 403\"\n")
    }

    @Test("loggers and their levels are values")
    func values() {
        var first = recorder.logger(.text(), level: .debug)
        first[metadataKey: "only"] = "first"
        var second = first
        second.logLevel = .error
        second[metadataKey: "only"] = "second"
        #expect(first.logLevel == .debug)
        #expect(first[metadataKey: "only"] == "first")
    }

    @Test("numbers and truth values are JSON's own, unless the field is secret")
    func literals() {
        recorder.logger(.json).info(
            "m",
            metadata: [
                "a": .stringConvertible(-1), "b": .stringConvertible(true), "c": .stringConvertible(1.5),
                "d": .stringConvertible(Double.nan), "e": .stringConvertible(UInt64.max),
                "pin.token": .stringConvertible(1234),
            ])
        #expect(
            recorder.writes[0].hasSuffix(
                #""message":"m","a":-1,"b":true,"c":1.5,"d":"nan","e":18446744073709551615,"pin.token":"[REDACTED]"}"#
                    + "\n"))
    }

    @Test("text quotes what is not a plain word")
    func text() {
        recorder.logger(.text()).info(
            "two words",
            metadata: [
                "a": "plain", "b": "two words", "c": "", "d": "q\"b\\", "e": ["x", "y z"], "f": ["k": "v"], "g h": "1",
            ])
        #expect(
            recorder.writes == [
                #"info: two words a=plain b="two words" c="" d="q\"b\\" e=[x, "y z"] f={k=v} "g h"=1"# + "\n"
            ])
    }

    @Test("text has a time and colours only if asked")
    func looks() {
        recorder.logger(.text(timestamps: true)).info("m")
        recorder.logger(.text(isColored: true)).error("m")
        recorder.logger(.text()).error("m")
        #expect(
            recorder.writes == [
                "2023-11-14T22:13:20.125Z info: m\n", "\u{1B}[31merror:\u{1B}[0m m\n", "error: m\n",
            ])
    }

    @Test("a hostile name can neither forge a line nor move the cursor", arguments: [LogFormat.text(), .json])
    func hostile(_ format: LogFormat) throws {
        let name = "a\nerror: forged\r\u{1B}[2J\u{9B}31m\u{2028}\u{202E}\u{7F}\0\u{85}"
        recorder.logger(format).info("\(name)", metadata: ["\(name)": "\(name)", "n": ["\(name)": ["\(name)"]]])
        let write = try #require(recorder.writes.first)
        #expect(write.last == "\n")
        let line = write.dropLast()
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
        #expect(!line.unicodeScalars.contains { [0x2028, 0x202E].contains($0.value) })
        if format == .json {
            #expect(same(try #require(try object(write)["message"] as? String), name))
        }
    }

    @Test("what is too long is cut, at a character, and still valid")
    func long() throws {
        let recorder = recorder
        recorder.logger(.json).info("m", metadata: ["page": "\(String(repeating: "\u{1F426}", count: 100_000))"])
        #expect(recorder.bytes[0].count < 20_000)
        let page = try #require(try object(recorder.writes[0])["page"] as? String)
        #expect(page.hasPrefix("\u{1F426}") && page.hasSuffix("bytes more)"))
        #expect(!page.unicodeScalars.contains("\u{FFFD}"))
    }

    @Test("metadata nested without end is cut")
    func deep() throws {
        var value: Logger.MetadataValue = "core"
        for _ in 0..<1000 { value = ["n": value] }
        recorder.logger(.json).info("m", metadata: ["v": value])
        #expect(try object(recorder.writes[0])["v"] != nil)
        #expect(recorder.bytes[0].count < 500)
    }
}
