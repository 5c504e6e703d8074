import TestSupport
import Testing

@testable import S3Store

@Suite("AWS profiles")
struct AWSProfileTests {
    private func context(_ environment: [String: String] = [:], config: String = "", credentials: String = "")
        -> CredentialContext
    {
        CredentialContext(
            environment: environment, home: "/home/runner",
            readFile: { path in
                switch path {
                case "/home/runner/.aws/config": Array(config.utf8)
                case "/home/runner/.aws/credentials": Array(credentials.utf8)
                default: nil
                }
            })
    }

    @Test("say where the region comes from")
    func region() async throws {
        let config = "[default]\nregion = eu-west-3 # Paris\n[profile p]\nregion=ap-south-1\n[profile q]\nregion =\n"
        func region(_ environment: [String: String], _ name: String? = nil) async throws -> AWSProfile.Setting? {
            try await AWSProfile.load(context(environment, config: config), name: name).region
        }
        let both = ["AWS_REGION": "us-west-1", "AWS_DEFAULT_REGION": "us-west-2"]
        #expect(try await region(both) == .init(value: "us-west-1", origin: "AWS_REGION"))
        #expect(
            try await region(["AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"])
                == .init(value: "us-west-2", origin: "AWS_DEFAULT_REGION"))
        #expect(try await region([:]) == .init(value: "eu-west-3", origin: "profile “default”"))
        #expect(try await region(["AWS_PROFILE": "p"])?.value == "ap-south-1")
        #expect(try await region(["AWS_PROFILE": "p"], "default")?.value == "eu-west-3")
        #expect(try await region([:], "q") == nil)
    }

    @Test("say which endpoint is set for a service")
    func endpoint() async throws {
        let config = """
            [default]
            endpoint_url = http://all
            services = mine
            s3 =
              addressing_style = path
            [services mine]
            s3 =
              endpoint_url = http://s3
            """
        func endpoint(_ environment: [String: String], _ service: String = "s3") async throws -> String? {
            try await AWSProfile.load(context(environment, config: config)).endpointURL(for: service)?.value
        }
        #expect(try await endpoint(["AWS_ENDPOINT_URL_S3": "http://v", "AWS_ENDPOINT_URL": "http://w"]) == "http://v")
        #expect(try await endpoint(["AWS_ENDPOINT_URL": "http://w"]) == "http://w")
        #expect(try await endpoint([:]) == "http://s3")
        #expect(try await endpoint([:], "sts") == "http://all")
        #expect(try await endpoint(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) == nil)
        let profile = try await AWSProfile.load(context(config: config))
        #expect(profile.setting("addressing_style", in: "s3")?.value == "path")
    }

    @Test(
        "name the line of a broken file, and nothing of what stands there",
        arguments: [
            ("[default]\nregion = x\nSECRET\n", 3), ("SECRET = x\n", 1), ("[a]\n[SECRET]\n[SECRET]\n", 3),
            ("[a]\nSECRET = 1\r\nsecret = 2\r\n", 3), ("[a]\n= SECRET\n", 2), ("[SECRET\n", 1),
        ])
    func brokenFile(text: String, line: Int) async throws {
        let error = await #expect(throws: CredentialError.self) {
            try await AWSProfile.load(context(config: text))
        }
        let words = try #require(error).description
        #expect(error?.code == .configuration)
        #expect(words.contains("/home/runner/.aws/config"))
        #expect(words.contains("at line \(line):"))
        #expect(!words.lowercased().contains("secret"))
    }

    @Test("that are missing are named, with the places where they could be")
    func missingProfile() async throws {
        let error = await #expect(throws: CredentialError.self) {
            try await AWSProfile.load(context(["AWS_PROFILE": "x"], config: "[x]\n"))
        }
        #expect(error?.code == .profileNotFound)
        #expect(try #require(error).description.contains("“x” that AWS_PROFILE names"))
    }

    @Test(
        "expand variables and the home directory in paths",
        arguments: [
            ("~/a", "/home/runner/a"), ("~", "/home/runner"), ("~you/a", "~you/a"), ("$A/b", "x/b"), ("${A}b", "xb"),
            ("$NONE/${NONE}", "$NONE/${NONE}"), ("a$", "a$"), ("${A", "${A"), ("/~/a", "/~/a"),
            ("$H/a", "/home/runner/a"),
        ])
    func paths(path: String, expected: String) {
        #expect(context(["A": "x", "H": "~"]).expanded(path) == expected)
    }

    @Test(
        "cut command lines as a shell does",
        arguments: [
            ("a b", ["a", "b"]), ("  a\t'b c'  ", ["a", "b c"]), (#"a "b \" \\ \c""#, ["a", #"b " \ \c"#]),
            (#"a\ b"#, ["a b"]), ("a'b'\"c\"", ["abc"]), ("'' \"\"", ["", ""]), ("", []),
            ("$A | *;", ["$A", "|", "*;"]),
            ("'a", nil), ("\"a", nil), (#"a\"#, nil), ("é\u{301} ü", ["é\u{301}", "ü"]),
        ] as [(String, [String]?)])
    func words(text: String, expected: [String]?) {
        #expect(shellWords(text) == expected)
    }

    @Test("never crash on files made of the characters that matter")
    func fuzz() async throws {
        var generator = SeededGenerator.forTest()
        let alphabet = [
            "[", "]", "=", ":", "#", ";", " ", "\t", "\n", "\r", "a", "default", "profile ", "\"", "'", "é", "\0",
        ]
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 0..<30, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? ""
            }.joined()
            _ = try? AWSConfigFile(Array(text.utf8), path: "x").configProfiles
        }
    }
}
