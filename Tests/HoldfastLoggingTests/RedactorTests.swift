import HoldfastLogging
import Testing

@Suite("Redaction of content") struct RedactorTests {
    static let signed =
        "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
        + "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Security-Token=FwoG%2Fa%3D&X-Amz-Signature=aeef12"
    static let redactedURL =
        "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=[REDACTED]"
        + "&X-Amz-Date=20130524T000000Z&X-Amz-Security-Token=[REDACTED]&X-Amz-Signature=[REDACTED]"

    @Test(
        "replaces the secret and keeps the rest",
        arguments: [
            // Headers.
            ("Authorization: Bearer abc.def-_~+/= failed", "Authorization: Bearer [REDACTED] failed"),
            ("authorization:Basic dXNlcjpwYXNz\nHost: h", "authorization:Basic [REDACTED]\nHost: h"),
            ("AUTHORIZATION: ApiKey one two\r\nHost: h", "AUTHORIZATION: [REDACTED]\r\nHost: h"),
            ("curl -H 'Authorization: x y' https://h/p", "curl -H 'Authorization: [REDACTED]' https://h/p"),
            (#"{"Authorization":"custom a b","Host":"h"}"#, #"{"Authorization":"[REDACTED]","Host":"h"}"#),
            (
                #"{\"Authorization\":\"custom a b\",\"Host\":\"h\"}"#,
                #"{\"Authorization\":\"[REDACTED]\",\"Host\":\"h\"}"#
            ),
            (#"[("authorization", "custom a"), ("host", "h")]"#, #"[("authorization", "[REDACTED]"), ("host", "h")]"#),
            ("<Authorization>x</Authorization>", "<Authorization>[REDACTED]</Authorization>"),
            (
                "Authorization: AWS4-HMAC-SHA256 Credential=AK/2013, SignedHeaders=host;x-amz-date, Signature=fe5f80 was refused",
                "Authorization: AWS4-HMAC-SHA256 [REDACTED] was refused"
            ),
            (
                "sent AWS4-HMAC-SHA256 Credential=AK/2013,SignedHeaders=host,Signature=fe5f80",
                "sent AWS4-HMAC-SHA256 [REDACTED]"
            ),
            ("got Bearer abc", "got Bearer [REDACTED]"), ("bearer%20abc&x=1", "bearer%20[REDACTED]&x=1"),
            ("BASIC dTpw, next", "BASIC [REDACTED], next"),
            ("x-amz-security-token: FwoG/a+b=", "x-amz-security-token: [REDACTED]"),
            (#""X-Amz-Security-Token" : "FwoG a""#, #""X-Amz-Security-Token" : "[REDACTED]""#),
            // Signed URLs, as they are and inside another URL.
            (signed, redactedURL),
            (signed.lowercased() + " x", redactedURL.lowercased().replacing("[redacted]", with: "[REDACTED]") + " x"),
            (
                "u=h%3FX-Amz-Signature%3Daeef%26X-Amz-Date%3D1&z=1",
                "u=h%3FX-Amz-Signature%3D[REDACTED]%26X-Amz-Date%3D1&z=1"
            ),
            ("X-Amz-Signature%253Daeef rest", "X-Amz-Signature%253D[REDACTED] rest"),
            ("X%2DAmz%2DSignature=aeef&b", "X%2DAmz%2DSignature=[REDACTED]&b"),
            ("X%2DAmz%2DSecurity%2DToken=aeef#f", "X%2DAmz%2DSecurity%2DToken=[REDACTED]#f"),
            ("(X-Amz-Credential=me)", "(X-Amz-Credential=[REDACTED])"),
            // AWS.
            ("key AKIAIOSFODNN7EXAMPLE.", "key [REDACTED]."), ("xASIAIOSFODNN7EXAMPLE/", "x[REDACTED]/"),
            (
                "<SecretAccessKey>wJal/rX</SecretAccessKey><SessionToken>Fwo</SessionToken><Expiration>2013</Expiration>",
                "<SecretAccessKey>[REDACTED]</SecretAccessKey><SessionToken>[REDACTED]</SessionToken><Expiration>2013</Expiration>"
            ),
            ("aws_secret_access_key = wJal/rX\nregion = x", "aws_secret_access_key = [REDACTED]\nregion = x"),
            (#"{"SecretAccessKey": "wJal", "Version": 1}"#, #"{"SecretAccessKey": "[REDACTED]", "Version": 1}"#),
            // URLs, tokens, keys.
            ("clone https://user:p%40ss@h/x failed", "clone https://[REDACTED]@h/x failed"),
            ("https://tok@h", "https://[REDACTED]@h"), ("https://a:b@c@h:1/x?y", "https://[REDACTED]@h:1/x?y"),
            ("ghp_0123456789abcdefABCDEF0123456789abcd!", "[REDACTED]!"), ("=ghs_0123456789abcdef", "=[REDACTED]"),
            ("gho_0123456789abcdef x", "[REDACTED] x"), ("github_pat_11ABCDEFG0_abcdefghijklmnop", "[REDACTED]"),
            ("t eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.c2ln u", "t [REDACTED] u"),
            ("a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b", "a [REDACTED] b"),
            ("Authorization: -----BEGIN K-----\nMII\n-----END K----- rest", "Authorization: [REDACTED] rest"),
            ("a -----BEGIN PRIVATE KEY-----\nMII cut", "a [REDACTED]"),
            ("access_token=abc&x=1", "access_token=[REDACTED]&x=1"), ("password=hunter2, x", "password=[REDACTED], x"),
        ])
    func redacts(_ text: String, _ expected: String) {
        let redactor = Redactor()
        let redacted = redactor.redact(text)
        #expect(same(redacted, expected), "\(redacted)")
        #expect(same(redactor.redact(redacted), redacted), "once is enough")
    }

    @Test(
        "leaves harmless text alone",
        arguments: [
            "", "a", "the signature does not match", "credentials from the environment", "authorization failed",
            "no session token", "https://h/p?q=1", "s3://bucket/a@b", "https://h/user@example.com", "mailto:a@b.c",
            "AKIA", "AKIAIOSFODNN7EXAMPL", "AKIAiosfodnn7example", "akiaiosfodnn7example", "ghp_short", "eyJ.x",
            "-----BEGIN", "X-Amz-Signature", "X-Amz-Signature=", "x-amz-signature=&x",
            "caf\u{E9} cafe\u{301} \u{1F426}",
            "basically fine", "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request", "[REDACTED]",
            "password: required", "Bearer", "Bearer ", "20 keys, 3 tokens",
        ])
    func harmless(_ text: String) { #expect(same(Redactor().redact(text), text)) }

    @Test(
        "registered secrets, in every form they may take",
        arguments: [
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "x\"y\\z/\t\u{E9}12", "minioadmin", "sixsix",
        ])
    func registered(_ secret: String) throws {
        let redactor = Redactor()
        redactor.register(secret)
        for form in try encodings(of: secret) where form.utf8.count >= 6 {
            #expect(same(redactor.redact("a \(form) b"), "a [REDACTED] b"), "\(form)")
            #expect(same(redactor.redact(form), "[REDACTED]"), "\(form)")
        }
        for prefix in ["", "u", "us", "usr", "user:"] {
            let whole = base64(Array((prefix + secret).utf8))
            let core = whole.dropFirst((prefix.utf8.count * 8 + 5) / 6).prefix(secret.utf8.count * 8 / 6 - 1)
            #expect(!redactor.redact("x \(whole) y").contains(core), "\(whole)")
        }
    }

    @Test("a registered secret is found where the text was cut in the middle of it")
    func cut() {
        let redactor = Redactor()
        redactor.register("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        #expect(redactor.redact("is wJalrXUtnFEMI/K7M") == "is [REDACTED]")
    }

    @Test("a secret with a line break behind it is the secret without")
    func trimmed() {
        let redactor = Redactor()
        redactor.register("  hunter2hunter2\n")
        #expect(redactor.redact("it is hunter2hunter2!") == "it is [REDACTED]!")
    }

    @Test(
        "what is too short to be a secret, or is the mark itself, is not registered",
        arguments: ["", "a", "12345", "REDACTED", " \n "])
    func unregistrable(_ secret: String) {
        let redactor = Redactor()
        redactor.register(secret)
        #expect(redactor.redact("a 12345 [REDACTED] b") == "a 12345 [REDACTED] b")
    }

    @Test("secrets that overlap are all taken out")
    func overlap() {
        let redactor = Redactor()
        for secret in ["abcdefgh", "efghijkl", "ghijklmnop"] { redactor.register(secret) }
        #expect(redactor.redact("1abcdefghijklmnop2") == "1[REDACTED]2")
        #expect(redactor.redact("AKIAIOSFODNN7EXAMPLEabcdefghBearer t") == "[REDACTED]Bearer [REDACTED]")
    }

    @Test("the newest of many registered secrets are known")
    func many() {
        let redactor = Redactor()
        for number in 1000..<1300 { redactor.register("secret-number-\(number)") }
        #expect(redactor.redact("secret-number-1299") == "[REDACTED]")
        #expect(redactor.redact("secret-number-1100") == "[REDACTED]")
    }

    @Test(
        "text made to be slow takes no longer than its length",
        arguments: [
            "authorization:", "x-amz-signature=", "x-amz-signature", "eyJ", "ghp_", "-----BEGIN ", "://", "://@",
            "bearer ",
            "aws4-hmac-sha256 ", "aws4-hmac-sha256+,", "signature=\\", "signature%25", "access_token=\"",
        ])
    func hostile(_ word: String) {
        let redactor = Redactor()
        let text = String(repeating: word, count: 50_000 / word.utf8.count)
        let redacted = redactor.redact(text)
        #expect(redacted.utf8.count <= text.utf8.count + 10 * 50_000 / word.utf8.count)
        #expect(same(redactor.redact(redacted), redacted))
    }
}
