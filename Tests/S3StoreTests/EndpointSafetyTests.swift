import Testing

@testable import S3Store

@Suite("Safety of custom endpoints")
struct EndpointSafetyTests {
    private func error(_ endpoint: String, allowInsecure: Bool) -> EndpointError? {
        do throws(EndpointError) {
            try EndpointSafety.check(CustomEndpoint(endpoint), allowInsecure: allowInsecure)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "A public https endpoint passes",
        arguments: [
            "https://s3.example.com", "https://s3.example.com/", "https://s3.example.com:8443/base/path",
            "HTTPS://S3.EXAMPLE.COM", "https://S3.Example.Com:443/Base", "https://acct.r2.cloudflarestorage.com",
            "https://s3.example.com.", "https://8.8.8.8", "https://8.8.8.8:9000", "https://[2001:db8::1]:9000",
            "https://minio", "https://my_minio:9000", "https://169-254-169-254.example.com",
            "https://localhost.example.com",
            "https://metadata.google.internal.example.com", "https://10.example.com", "https://127.0.0.1.example.com",
            "https://172.32.0.1", "https://172.15.255.255", "https://192.167.1.1", "https://11.0.0.1",
            "https://126.0.0.1",
            "https://128.0.0.1", "https://100.63.255.255", "https://100.128.0.0", "https://169.253.1.1",
            "https://xn--bcher-kva.example", "https://s3.example.com/a%20b", "https://h/@scope",
        ])
    func passes(endpoint: String) {
        #expect(error(endpoint, allowInsecure: false) == nil)
        #expect(error(endpoint, allowInsecure: true) == nil)
    }

    @Test(
        "Plain http, private and loopback hosts have to be allowed, with either scheme",
        arguments: [
            "example.com", "127.0.0.1", "127.0.0.1:9000", "127.255.255.254", "localhost", "LOCALHOST:9000",
            "localhost.",
            "bucket.localhost", "0.0.0.0", "0.0.0.0:9000", "[::1]", "[::1]:9000", "[0:0:0:0:0:0:0:1]", "[::]",
            "10.0.0.5",
            "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
            "[fc00::1]", "[fd12:3456::1]", "[fec0::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]",
            "[::ffff:8.8.8.8]", "[64:ff9b::10.0.0.1]", "[2002:a00:1::]", "[::10.0.0.1]", "198.18.0.1", "ip6-localhost",
        ])
    func allowed(host: String) {
        for scheme in ["http", "https"] where host != "example.com" || scheme == "http" {
            let refusal = error("\(scheme)://\(host)/base", allowInsecure: false)
            #expect(refusal?.code == .unsafeEndpoint, "\(scheme)")
            #expect(refusal?.hint?.contains("--allow-insecure-endpoint") == true, "\(scheme)")
            #expect(error("\(scheme)://\(host)/base", allowInsecure: true) == nil, "\(scheme)")
        }
    }

    @Test(
        "Link-local and metadata hosts are refused in every spelling, also with the flag",
        arguments: [
            "169.254.169.254", "169.254.169.254:80", "169.254.170.2", "169.254.0.0", "169.254.255.255",
            "169.254.169.254.",
            "2852039166", "2852039166.", "0xA9FEA9FE", "0xa9fea9fe", "025177524776", "0251.0376.0251.0376",
            "0xa9.0xfe.0xa9.0xfe", "169.16689662", "169.254.43518", "0251.254.169.254", "00000251.0376.0251.0376",
            "[fe80::1]", "[fe80::a9fe:a9fe]:80", "[febf::1]", "[FE80::1]", "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[::FFFF:A9FE:A9FE]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[::169.254.169.254]", "[::ffff:0:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[fd00:ec2::254]", "[fd00:0ec2:0::0254]", "[fd00:ec2::23]",
            "[fd20:ce::254]", "metadata.google.internal", "METADATA.Google.Internal.", "metadata", "metadata.goog",
            "instance-data", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255",
            "[ff02::1]",
        ])
    func never(host: String) {
        for scheme in ["http", "https"] {
            for allowInsecure in [false, true] {
                let refusal = error("\(scheme)://\(host)/", allowInsecure: allowInsecure)
                #expect(refusal?.code == .unsafeEndpoint, "\(scheme) \(allowInsecure)")
                #expect(refusal?.hint?.contains("Nothing can allow it") == true, "\(scheme) \(allowInsecure)")
            }
        }
    }

    @Test(
        "An address in an unusual spelling is refused with its usual one",
        arguments: [
            ("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("0", "0.0.0.0"),
            ("010.0.0.1", "8.0.0.1"), ("8.8.8.8.", "8.8.8.8"), ("134744072", "8.8.8.8"),
        ])
    func unusual(host: String, usual: String) {
        let refusal = error("https://\(host)", allowInsecure: true)
        #expect(refusal?.code == .unsafeEndpoint)
        #expect(refusal?.hint?.contains("Write \(usual).") == true)
    }

    @Test(
        "Credentials in an endpoint are refused, also with the flag, and never shown",
        arguments: [
            "https://AKIAUSER:hunter2@example.com", "https://AKIAUSER:hunter2@example.com:9000/base",
            "https://hunter2@h",
            "http://hunter2:@127.0.0.1:9000", "https://:hunter2@h", "https://a@hunter2@h", "htps://AKIA:hunter2@h",
            "AKIA:hunter2@h", "https://AKIA:hunter2@h?x=1", "https://AKIA:hunter2@h:port", "https://AKIA:hunter2%40h",
            "https://example.com?token=hunter2", "https://example.com#hunter2", "https://AKIA:hunter2@ho st",
            "https://hunter2@169.254.169.254", "https://example.com\\@hunter2", "https://@hunter2.example.com@",
            "https://AKIA:hunter2", "https://AKIA:hunter2/base", "AKIA:hunter2", "https:AKIA:hunter2",
        ])
    func credentials(endpoint: String) {
        for allowInsecure in [false, true] {
            let refusal = error(endpoint, allowInsecure: allowInsecure)
            #expect(refusal != nil)
            #expect(refusal?.description.contains("hunter2") == false)
        }
        #expect(!S3EndpointOptions(region: "r", endpoint: endpoint).description.contains("hunter2"))
    }

    @Test(
        "What is no plain URL of a host is refused",
        arguments: [
            "", "example.com", "//example.com", "/just/path", "https://", "https:///path", "https:example.com",
            "https:/h",
            "ftp://example.com", "file:///etc", "https://example.com?", "https://example.com?x=1",
            "https://example.com/#",
            "https://h:notaport", "https://h:", "https://h:0", "https://h:65536", "https://h:-1", "https://h:+1",
            "https://h:99999999999999999999", "https://a..b", "https://.a", "https://.", "https://a b", "https://a\tb",
            "https://exa\nmple.com", "https://a\\b", "https://b\u{FC}cket.example", "https://169\u{3002}254.169.254",
            "https://\u{FF11}69.254.169.254", "https://169%2e254.169.254", "https://[::1", "https://::1",
            "https://[::1]x",
            "https://[fe80::1%25eth0]", "https://[127.0.0.1]", "https://[]", "https://1.2.3.4.5", "https://256.1.1.1",
            "https://0169.254.169.254", "https://1.2.3.08", "https://example.0x", "https://example.123",
            "https://h/%zz",
            "https://h/%", "https://" + String(repeating: "a", count: 64), "https://a*b",
            "https://" + String(repeating: "a.", count: 200) + "com",
        ])
    func invalid(endpoint: String) {
        let refusal = error(endpoint, allowInsecure: true)
        #expect(refusal?.code == .endpoint)
        #expect((refusal?.description.utf8.count ?? 0) < 600)
    }

    @Test(
        "A region that is no host label is refused",
        arguments: [
            "", "eu west", "-x", "x-", "a.b", "a_b", "a/b", "r\u{E9}gion", "a@b", String(repeating: "a", count: 64),
        ])
    func region(region: String) {
        let options = [
            S3EndpointOptions(region: region), S3EndpointOptions(region: region, endpoint: "https://example.com"),
            S3EndpointOptions(region: region, addressing: .path),
        ]
        for options in options {
            #expect { try EndpointResolver(options) } throws: { ($0 as? EndpointError)?.code == .region }
        }
    }
}
