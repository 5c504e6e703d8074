import Holdfast
import TestSupport

extension S3Config {
    /// A test server, with the rights of who may do everything.
    init(_ server: TestServer, prefix: String) {
        self.init(
            enabled: true, bucket: server.bucket, region: server.region, prefix: prefix,
            accessKeyID: server.identities.full.accessKey, secretAccessKey: server.identities.full.secretKey)
        endpoint = server.url
        allowInsecureEndpoint = true
    }
}
