import Testing

@testable import S3Store

@Suite("Endpoints")
struct EndpointResolverTests {
    @Test("Automatic addressing puts the bucket into the host on AWS, and into the path elsewhere")
    func automatic() throws {
        let aws = try EndpointResolver(S3EndpointOptions(region: "eu-west-1"))
        #expect(try aws.resolve(bucket: "my-bucket").url == "https://my-bucket.s3.eu-west-1.amazonaws.com")
        #expect(try aws.resolve(bucket: "my.bucket").url == "https://s3.eu-west-1.amazonaws.com/my.bucket")
        let other = try EndpointResolver(S3EndpointOptions(region: "auto", endpoint: "https://s3.example.com/base/"))
        #expect(try other.resolve(bucket: "my-bucket").url == "https://s3.example.com/base/my-bucket")
    }

    @Test(
        "Every partition has its own domain",
        arguments: [
            ("us-east-1", "amazonaws.com"), ("mx-central-1", "amazonaws.com"), ("cn-northwest-1", "amazonaws.com.cn"),
            ("us-gov-east-1", "amazonaws.com"), ("us-iso-east-1", "c2s.ic.gov"), ("us-isob-east-1", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "cloud.adc-e.uk"), ("us-isof-south-1", "csp.hci.ic.gov"),
            ("eusc-de-east-1", "amazonaws.eu"), ("eusc-de-west-9", "amazonaws.eu"),
            ("aws-iso-b-global", "sc2s.sgov.gov"),
            ("eusc-fr-east-1", "amazonaws.com"), ("xx-future-1", "amazonaws.com"), ("cn-north-x", "amazonaws.com"),
        ])
    func partitions(region: String, domain: String) throws {
        let url = try EndpointResolver(S3EndpointOptions(region: region)).resolve(bucket: nil).url
        #expect(url == "https://s3.\(region).\(domain)")
    }

    @Test(
        "Access points and directory buckets have hosts of their own",
        arguments: [
            (
                "arn:aws:s3:us-west-2:123456789012:accesspoint:ap",
                "https://ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com", "us-west-2", "s3"
            ),
            (
                "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/ap",
                "https://ap-123456789012.s3-object-lambda.us-west-2.amazonaws.com", "us-west-2", "s3-object-lambda"
            ),
            (
                "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/ap",
                "https://ap-123456789012.op-01234567890123456.s3-outposts.us-west-2.amazonaws.com", "us-west-2",
                "s3-outposts"
            ),
            (
                "name--use1-az1--x-s3", "https://name--use1-az1--x-s3.s3express-use1-az1.us-east-1.amazonaws.com",
                "us-east-1", "s3express"
            ),
        ])
    func special(bucket: String, url: String, region: String, name: String) throws {
        let endpoint = try EndpointResolver(S3EndpointOptions(region: "us-east-1")).resolve(bucket: bucket)
        #expect(endpoint.url == url)
        #expect(endpoint.signingRegion == region)
        #expect(endpoint.signingName == name)
    }

    @Test("A request keeps the bytes of its key and the form of its query")
    func request() throws {
        let endpoint = try EndpointResolver(S3EndpointOptions(region: "eu-west-1")).resolve(bucket: "my-bucket")
        let object = endpoint.request(
            method: "GET", key: "/a b/../e\u{301}", query: [("acl", nil), ("versionId", "1+2")])
        #expect(object.url == "https://my-bucket.s3.eu-west-1.amazonaws.com//a%20b/../e%CC%81?acl&versionId=1%2B2")
        let list = endpoint.request(method: "GET", query: [("list-type", "2"), ("prefix", "")])
        #expect(list.target == "/?list-type=2&prefix=")
    }

    @Test(
        "What cannot be reached is refused with advice",
        arguments: [
            "", ".", "..", "arn:", "arn:aws:s3:::bucket", "arn:aws:s3::123456789012:accesspoint:name.mrap",
            "arn:aws:s3:us-west-2:123456789012:accesspoint", "arn:aws:s3:us-west-2:123456789012:accesspoint:",
            "arn:aws:s3:us-west-2:123456789012:accesspoint:a:b", "arn:aws:s3:us-west-2::accesspoint:ap",
            "arn:aws:s3:us-west-2:123456789012:accesspoint:a_b", "arn:aws:s3:us/west:123456789012:accesspoint:ap",
            "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint:ap", "arn:aws:sqs:us-west-2:123456789012:queue",
            "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1", "name--x-s3", "Name--use1-az1--x-s3",
            "arn:aws:s3-outposts:us-west-2:123456789012:accesspoint:ap",
        ])
    func refused(bucket: String) throws {
        let resolver = try EndpointResolver(S3EndpointOptions(region: "us-east-1"))
        #expect(throws: EndpointError.self) { try resolver.resolve(bucket: bucket) }
    }

    @Test("An access point needs a host name and no path addressing")
    func accessPointConflicts() {
        let arn = "arn:aws:s3:us-west-2:123456789012:accesspoint:ap"
        for options in [
            S3EndpointOptions(region: "us-west-2", addressing: .path),
            S3EndpointOptions(region: "us-west-2", useAccelerate: true),
            S3EndpointOptions(region: "us-west-2", endpoint: "https://10.0.0.1", allowInsecureEndpoint: true),
        ] {
            #expect { try EndpointResolver(options).resolve(bucket: arn) } throws: {
                ($0 as? EndpointError)?.code == .conflict
            }
        }
    }

    @Test("An unsafe endpoint never gets as far as a bucket")
    func unsafe() {
        for endpoint in ["http://example.com", "https://169.254.169.254", "https://user:pw@example.com"] {
            #expect { try EndpointResolver(S3EndpointOptions(region: "r", endpoint: endpoint)) } throws: {
                ($0 as? EndpointError)?.code == .unsafeEndpoint
            }
        }
    }
}
