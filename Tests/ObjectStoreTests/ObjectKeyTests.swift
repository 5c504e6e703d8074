import FileIO
import ObjectStore
import Testing

@Suite("Keys, tags and errors")
struct ObjectKeyTests {
    @Test("Keys are compared as bytes: NFC and NFD are different keys")
    func bytes() {
        let (composed, decomposed) = (ObjectKey("caf\u{E9}"), ObjectKey("cafe\u{301}"))
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
        #expect(!composed.hasPrefix("cafe"))
    }

    @Test(
        "A tag has the form of an MD5, or it has not",
        arguments: [
            ("\"d41d8cd98f00b204e9800998ecf8427e\"", "d41d8cd98f00b204e9800998ecf8427e"),
            ("D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"),
            ("\"d41d8cd98f00b204e9800998ecf8427e-2\"", nil), ("\"abc\"", nil), ("", nil),
            ("\"z41d8cd98f00b204e9800998ecf8427e\"", nil),
        ])
    func md5(tag: String, digest: String?) {
        #expect(ETag(tag).md5 == digest)
    }

    @Test("An error says what failed, where, why, and with which request")
    func description() {
        var error = StoreError(.denied, "read", key: ObjectKey("a/b"), "Access Denied")
        error.bucket = "memory"
        error.code = "AccessDenied"
        error.status = 403
        error.requestID = "TX1"
        error.attempts = 2
        #expect(
            error.description
                == "cannot read 'a/b' in bucket 'memory': Access Denied (AccessDenied, HTTP 403, request id TX1, 2 attempts)"
        )
    }

    @Test("A hostile key cannot forge a line or move the cursor")
    func hostileKey() {
        let error = StoreError(
            .notFound, "read", key: ObjectKey("a\u{1B}[2J\nINFO all is well\u{202E}"), "does not exist")
        #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{202E}" })
    }

    @Test("A store that repeats its continuation token is an error, not an endless list")
    func endlessListing() async {
        let listing = ObjectListing { token throws(StoreError) in
            ObjectPage(objects: [ObjectInfo(key: ObjectKey("k"), size: 0)], next: token ?? "same")
        }
        let error = await #expect(throws: StoreError.self) { _ = try await listing.collect() }
        #expect(error?.kind == .server)
    }
}
