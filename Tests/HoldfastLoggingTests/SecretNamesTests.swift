import HoldfastLogging
import Logging
import Testing

@Suite("Field names") struct SecretNamesTests {
    @Test(
        "that hide their value",
        arguments: [
            "token", "sessionToken", "session.token", "X-Amz-Security-Token", "password", "userPassword", "secret",
            "secretAccessKey", "secret_access_key", "aws.access-key-id", "auth", "Authorization", "proxy-authorization",
            "credential", "credentials", "X-Amz-Credential", "bearer", "apiKey", "api_key", "api-key", "privateField",
            "passphrase", "cookie", "Set-Cookie", "signature", "X-Amz-Signature", "encryptionKey", "KEY_FILE", "PASSWD",
        ])
    func secret(_ name: String) { #expect(Redactor.isSecretName(name)) }

    @Test(
        "that stay readable",
        arguments: [
            "key", "Key", "keys", "saveKey", "primaryKey", "restoreKeys", "restoredKey", "cacheKey", "cache-key",
            "objectKey",
            "object.key", "object_key", "s3.key", "keyCount", "author", "bucket", "path", "snapshot", "requests",
            "error",
        ])
    func readable(_ name: String) { #expect(!Redactor.isSecretName(name)) }

    @Test("an exempt name hides nothing that has the form of a secret")
    func exemptContent() {
        let recorder = Recorder()
        recorder.logger(.text()).info("m", metadata: ["object.key": "a/AKIAIOSFODNN7EXAMPLE/b", "key": "plain"])
        #expect(recorder.writes == ["info: m key=plain object.key=a/[REDACTED]/b\n"])
    }
}
