import Testing

@testable import HoldfastService

@Suite("Who may see the status page")
struct AccessTests {
    @Test(
        "reads addresses to listen on",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080, true), ("127.9.8.7:0", "127.9.8.7", 0, true),
            ("localhost:80", "localhost", 80, true), ("LOCALHOST:80", "localhost", 80, true),
            ("[::1]:65535", "::1", 65535, true), ("[0:0:0:0:0:0:0:1]:1", "0:0:0:0:0:0:0:1", 1, true),
            ("0.0.0.0:8080", "0.0.0.0", 8080, false), ("[::]:8080", "::", 8080, false),
            ("192.168.1.7:8080", "192.168.1.7", 8080, false), ("[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80, false),
        ])
    func address(_ text: String, host: String, port: Int, isLoopback: Bool) throws {
        let address = try HTTPAddress(text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.isLoopback == isLoopback)
        #expect(try HTTPAddress(address.description) == address)
    }

    @Test(
        "refuses what is no address",
        arguments: [
            "", ":", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.1:8080/", "127.0.0.1:8o80", "::1:8080", "[::1]", "[::1]8080", "[127.0.0.1]:80", "example.org:80",
            "localhost.example.org:80", "127.0.0.1.:80", "256.0.0.1:80", "127.1:80", " 127.0.0.1:80",
        ])
    func noAddress(_ text: String) {
        #expect(throws: HTTPAddress.Malformed(text: text)) { try HTTPAddress(text) }
    }

    @Test(
        "tells names of this machine from others in a Host header",
        arguments: [
            ("localhost", true), ("LocalHost:8080", true), ("127.0.0.1", true), ("127.0.0.1:80", true),
            ("127.255.0.9:1", true), ("[::1]", true), ("[::1]:8080", true), ("", false), ("evil.example", false),
            ("localhost.evil.example", false), ("127.0.0.1.evil.example", false), ("evil.example:80", false),
            ("localhost:80@evil.example", false), ("localhost@evil", false), ("127.0.0.1:x", false),
            ("10.0.0.1", false), ("0.0.0.0:80", false), ("[::1].evil.example", false), ("[::2]", false),
            ("localhost:80:80", false), ("127.0.0.1,evil.example", false), ("127.0.0.0x1", false),
        ])
    func host(_ host: String, isLocal: Bool) {
        #expect(AccessRules.isLocal(host) == isLocal)
        let request = AccessRules.Request(method: "GET", target: "/", host: host)
        #expect(AccessRules(isLoopback: true, token: nil).refusal(of: request) == (isLocal ? nil : .host))
    }

    @Test("refuses a request without a Host header on loopback")
    func noHost() {
        let rules = AccessRules(isLoopback: true, token: nil)
        #expect(rules.refusal(of: AccessRules.Request(method: "GET", target: "/healthz")) == .host)
    }

    @Test(
        "lets nobody change anything",
        arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"])
    func method(_ method: String) {
        let request = AccessRules.Request(method: method, target: "/", host: "localhost")
        #expect(AccessRules(isLoopback: true, token: nil).refusal(of: request) == .method)
    }

    @Test("refuses targets that are no path", arguments: ["http://evil.example/", "*", "", "//x\u{7F}", "/ä", "/a b"])
    func target(_ target: String) {
        let request = AccessRules.Request(method: "GET", target: target, host: "localhost")
        #expect(AccessRules(isLoopback: true, token: nil).refusal(of: request) == .target)
    }

    private static let secret = "correct-horse-battery-staple"

    @Test(
        "asks for the token, as a bearer or as a password",
        arguments: [
            ("Bearer correct-horse-battery-staple", true), ("bearer  correct-horse-battery-staple", false),
            ("Bearer correct-horse-battery-stapl", false), ("Bearer correct-horse-battery-staple!", false),
            ("Bearer", false), ("Bearer ", false), ("", false), ("correct-horse-battery-staple", false),
            // "reader:correct-horse-battery-staple", then with an empty name, then with a wrong password.
            ("Basic cmVhZGVyOmNvcnJlY3QtaG9yc2UtYmF0dGVyeS1zdGFwbGU=", true),
            ("basic OmNvcnJlY3QtaG9yc2UtYmF0dGVyeS1zdGFwbGU=", true), ("Basic cmVhZGVyOndyb25n", false),
            ("Basic !!!", false), ("Basic bm8gY29sb24=", false), ("Digest correct-horse-battery-staple", false),
        ])
    func token(_ authorization: String, isRight: Bool) throws {
        let rules = AccessRules(isLoopback: false, token: try AccessToken(Self.secret))
        var request = AccessRules.Request(
            method: "GET", target: "/metrics", host: "bot.example", authorization: authorization)
        #expect(rules.refusal(of: request) == (isRight ? nil : .token))
        #expect(rules.isAuthorised(request) == isRight)
        request.target = "/healthz"
        #expect(rules.refusal(of: request) == nil)
        request.target = "/healthz/../metrics"
        #expect(rules.refusal(of: request) == (isRight ? nil : .token))
    }

    @Test("takes no token from an address")
    func tokenInAddress() throws {
        let rules = AccessRules(isLoopback: false, token: try AccessToken(Self.secret))
        let request = AccessRules.Request(method: "GET", target: "/?token=\(Self.secret)", host: "bot.example")
        #expect(rules.refusal(of: request) == .token)
    }

    @Test("takes a token out of a file as it is usually written")
    func tokenOfFile() throws {
        let token = try AccessToken("\(Self.secret)\n")
        #expect(token.accepts("Bearer \(Self.secret)"))
    }

    @Test(
        "refuses tokens that protect nothing",
        arguments: ["", "short", "has a space in the middle", "naïve-token-naïve"])
    func weakToken(_ text: String) {
        #expect(throws: AccessToken.Unusable.self) { try AccessToken(text) }
    }
}
