import HoldfastActions
import Testing

@Suite("Inputs of an action")
struct InputTests {
    private func inputs(_ name: String, _ value: String?) -> ActionInputs {
        ActionInputs(value.map { [name: $0] } ?? [:])
    }

    @Test(
        "A name is upper-cased, a blank in it becomes an underscore, and a hyphen stays",
        arguments: [("s3-bucket", "INPUT_S3-BUCKET"), ("my input", "INPUT_MY_INPUT"), ("a.b", "INPUT_A.B")])
    func names(_ name: String, variable: String) {
        #expect(inputs(variable, "value").text(name) == "value")
    }

    @Test(
        "A value is trimmed, and a blank one is none",
        arguments: [(nil, nil), ("", nil), (" \n\t", nil), ("  a b \r\n", "a b"), ("\n a\n b\n", "a\n b")])
    func trimmed(_ value: String?, expected: String?) {
        #expect(inputs("INPUT_X", value).text("x") == expected)
    }

    @Test(
        "The six booleans of YAML 1.2 are taken",
        arguments: [
            ("true", true), ("True", true), ("TRUE", true), ("false", false), ("False", false), ("FALSE", false),
            (" true ", true), ("", nil), (nil, nil),
        ])
    func flags(_ value: String?, expected: Bool?) throws {
        #expect(try inputs("INPUT_SAVE", value).flag("save") == expected)
    }

    @Test(
        "No other word is a boolean", arguments: ["yes", "no", "on", "off", "1", "0", "y", "tRue", "truee", "'true'"])
    func noFlags(_ value: String) throws {
        let error = #expect(throws: InputError.self) { try inputs("INPUT_S3-BACKUP", value).flag("s3-backup") }
        let text = try #require(error).description
        #expect(text.hasPrefix(#"Input does not meet YAML 1.2 "Core Schema" specification: s3-backup"#))
        #expect(text.contains("'\(value)'"))
        #expect(error?.hint?.contains("true | True | TRUE | false | False | FALSE") == true)
    }

    @Test("A number has bounds", arguments: [("900", 900), ("43200", 43200), (" 3600 ", 3600), ("", nil)])
    func numbers(_ value: String, expected: Int?) throws {
        #expect(try inputs("INPUT_N", value).number("n", in: 900...43200) == expected)
    }

    @Test("What is no number in its bounds is refused by name", arguments: ["899", "43201", "1h", "3600.5", "-1"])
    func noNumbers(_ value: String) throws {
        let error = #expect(throws: InputError.self) {
            try inputs("INPUT_ROLE-DURATION-SECONDS", value).number("role-duration-seconds", in: 900...43200)
        }
        #expect(error?.description == "Input role-duration-seconds is '\(value)'")
        #expect(error?.hint == "Write a number from 900 to 43200.")
    }

    @Test(
        "A list has commas or line breaks between its words",
        arguments: [
            ("discord", ["discord"]), ("discord, bot", ["discord", "bot"]),
            ("discord\r\n bot\n\n", ["discord", "bot"]),
            (" , ,", []), ("", []),
        ])
    func lists(_ value: String, expected: [String]) { #expect(inputs("INPUT_X", value).list("x") == expected) }
}
