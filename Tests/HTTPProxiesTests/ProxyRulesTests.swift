import AsyncHTTPClient
import HTTPProxies
import Testing

@Suite("Which requests go through a proxy")
struct ProxyRulesTests {
    static let proxy = "http://proxy.test:3128"

    @Test(
        "Each scheme has a variable of its own, small letters come first, and blank is nothing",
        arguments: [
            (["https_proxy": proxy], "https://a.test", proxy), (["HTTPS_PROXY": proxy], "https://a.test/b?c", proxy),
            (["HTTPS_PROXY": proxy], "http://a.test", nil), (["http_proxy": proxy], "https://a.test", nil),
            (["HTTP_PROXY": proxy], "http://a.test", proxy), (["HTTP_PROXY": proxy], "HTTP://A.TEST", proxy),
            (["https_proxy": proxy, "HTTPS_PROXY": "http://other"], "https://a.test", proxy),
            (["https_proxy": " ", "HTTPS_PROXY": " \(proxy)\n"], "https://a.test", proxy),
            (["ALL_PROXY": proxy], "https://a.test", nil), ([:], "https://a.test", nil),
            (["HTTPS_PROXY": proxy], "ftp://a.test", nil), (["HTTPS_PROXY": proxy], "no address", nil),
        ] as [([String: String], String, String?)])
    func variables(_ environment: [String: String], _ url: String, _ expected: String?) throws {
        #expect(try ProxyRules(environment: environment).proxy(for: url)?.description == expected)
    }

    @Test(
        "This machine and link-local addresses are never behind a proxy",
        arguments: [
            "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1:9000", "127.9.9.9", "127.1", "[::1]:9000",
            "[::ffff:127.0.0.1]",
            "0.0.0.0", "169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]",
        ])
    func near(_ host: String) throws {
        let rules = ProxyRules(environment: ["HTTPS_PROXY": Self.proxy, "HTTP_PROXY": Self.proxy])
        #expect(try rules.proxy(for: "https://\(host)/x") == nil)
        #expect(try rules.proxy(for: "http://\(host)/x") == nil)
    }

    @Test(
        "Hosts that are named need none",
        arguments: [
            ("*", "a.test"), ("a.test", "a.test"), ("a.test", "A.Test"), ("a.test", "b.a.test"),
            ("a.test", "a.test:8443"),
            (".a.test", "b.a.test"), ("*.a.test", "c.b.a.test"), ("x, a.test", "a.test"), ("x a.test ", "a.test"),
            ("x,,a.test.", "a.test"), ("a.test:443", "a.test"), ("a.test:8443", "b.a.test:8443"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.0.0.0/8", "10.255.0.1"), ("10.0.0.0/9", "10.127.0.1"), ("0.0.0.0/0", "10.1.2.3"),
            ("::ffff:10.1.2.3", "10.1.2.3"), ("fd00::1", "[fd00::1]"), ("[fd00::1]", "[fd00:0::1]:8443"),
            ("[fd00::1]:443", "[fd00::1]"), ("fd00::/8", "[fd12::1]"), ("10.1.2.3:443", "10.1.2.3"),
        ])
    func exceptions(_ list: String, _ host: String) throws {
        for name in ["no_proxy", "NO_PROXY"] {
            let rules = ProxyRules(environment: ["HTTPS_PROXY": Self.proxy, name: list])
            #expect(try rules.proxy(for: "https://\(host)/x") == nil)
        }
    }

    @Test(
        "All other hosts need one, whatever the list holds",
        arguments: [
            ("a.test", "ba.test"), ("a.test", "a.test.evil"), (".a.test", "a.test"), ("a.test:80", "a.test"),
            ("10.0.0.0/9", "10.128.0.1"), ("10.0.0.0/33", "10.0.0.0"), ("10.0.0.0/-1", "10.0.0.0"),
            ("10.0.0.0/", "10.0.0.0"),
            ("fd00::/8", "10.1.2.3"), ("10.0.0.0/8", "[fd00::1]"), ("10.1.2.3", "10.1.2.3.test"),
            ("a.test:x", "a.test"), ("a.test:+443", "a.test"),
            (".", "a.test"), ("*.", "a.test"), ("[a", "a.test"), (":443", "a.test"), ("a.test/24", "a.test"),
            ("**", "a.test"), ("te*", "test"),
        ])
    func others(_ list: String, _ host: String) throws {
        let rules = ProxyRules(environment: ["HTTPS_PROXY": Self.proxy, "no_proxy": list])
        #expect(try rules.proxy(for: "https://\(host)/x") != nil)
    }

    @Test("User and password in an address decide nothing")
    func userinfo() throws {
        let rules = ProxyRules(environment: ["HTTPS_PROXY": Self.proxy, "no_proxy": "a.test"])
        #expect(try rules.proxy(for: "https://localhost@b.test/") != nil)
        #expect(try rules.proxy(for: "https://b.test@a.test/") == nil)
    }
}

@Suite("Addresses of proxies")
struct HTTPProxyTests {
    private func proxy(_ text: String) throws -> HTTPProxy {
        try #require(try ProxyRules(environment: ["HTTPS_PROXY": text]).proxy(for: "https://a.test"))
    }

    @Test(
        "A host is enough",
        arguments: [
            ("http://p.test:3128", "p.test", 3128), ("http://p.test:3128/", "p.test", 3128),
            ("HTTP://p.test", "p.test", 80),
            ("p.test", "p.test", 80), ("p.test:3128", "p.test", 3128), ("10.0.0.1:1", "10.0.0.1", 1),
            ("http://[fd00::1]:3128", "fd00::1", 3128), ("[fd00::1]", "fd00::1", 80),
            ("u:p@p.test:65535", "p.test", 65535),
        ])
    func addresses(_ text: String, _ host: String, _ port: Int) throws {
        let proxy = try proxy(text)
        #expect(proxy.host == host)
        #expect(proxy.port == port)
        #expect(proxy.variable == "HTTPS_PROXY")
        #expect(proxy.description == "http://\(host.contains(":") ? "[\(host)]" : host):\(port)")
    }

    @Test("User and password are decoded, sent, and shown nowhere")
    func user() throws {
        let proxy = try proxy("http://us%40er:p%3Ass:w%C3%B6rd@p.test:3128")
        #expect(proxy.secret == "p:ss:wörd")
        #expect("\(proxy)" == "http://p.test:3128")
        #expect(proxy.configuration.authorization?.headerValue == "Basic dXNAZXI6cDpzczp3w7ZyZA==")
        #expect(try self.proxy("http://user@p.test").configuration.authorization?.headerValue == "Basic dXNlcjo=")
        #expect(try self.proxy("http://user@p.test").secret == nil)
        #expect(try self.proxy("http://p.test").configuration.authorization == nil)
    }

    @Test(
        "What is none is refused, without a word of it",
        arguments: [
            "https://secret.test:3128", "socks5://secret.test", "secret.test:0", "secret.test:65536", "secret.test:+1",
            "secret%0A.test",
            "secret.test:x", "http://:3128", "http://", "http:// secret.test", "secret test", "sécret.test",
            "secret.test/path",
            "secret.test?q", "secret.test#f", "http://secret.test\\x", "[secret", "[]:3128", "[::1]x",
            "us%zz:secret@p.test",
            "us%4:secret@p.test", "us%3Aer:secret@p.test", "user:secret%0D%0Ax@p.test", "user:secret%FF@p.test", "@",
        ])
    func refused(_ text: String) {
        let error = #expect(throws: ProxyError.self) { try proxy(text) }
        #expect(error?.variable == "HTTPS_PROXY")
        #expect(error.map { "\($0)".contains("secret") } == false)
        #expect(ProxyRules(environment: ["HTTPS_PROXY": text]).proxies.isEmpty)
    }

    @Test("A variable that is not needed may hold anything")
    func notNeeded() throws {
        let rules = ProxyRules(environment: ["HTTPS_PROXY": "socks5://p.test", "NO_PROXY": "a.test"])
        #expect(try rules.proxy(for: "https://a.test") == nil)
        #expect(try rules.proxy(for: "http://b.test") == nil)
        #expect(throws: ProxyError.self) { try rules.proxy(for: "https://b.test") }
    }
}
