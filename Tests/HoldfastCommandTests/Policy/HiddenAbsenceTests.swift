import NIOCore
import ObjectStore
import TestSupport
import Testing

/// S3 answers 403 for what does not exist where somebody may list only with a prefix: a GET carries none. The servers
/// of the other tests answer 404 all the same.
@Suite("A store that refuses to say what does not exist")
struct HiddenAbsenceTests {
    @Test("Pushes, pulls and the mirror view need no other answer")
    func pushAndPull() async throws {
        try await StubStore.run { store, _, sandbox in
            let objects = store.objects
            store.answeringLater { request in
                guard ["GET", "HEAD"].contains(request.method), request.parameters["list-type"] == nil else {
                    return nil
                }
                if (try? await objects.find(ObjectKey(request.key))) != nil { return nil }
                return .text("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", status: 403)
            }
            try await store.objects.put(
                ObjectKey("memory/local/owner-repo/storage/adopted"), .bytes(ByteBuffer(string: "1")), .overwrite)
            try sandbox.write("storage/adopted", "1")
            try sandbox.write("storage/a", "1")
            for number in 2...3 {
                let push = try await sandbox.holdfast("push")
                #expect(push.code == 0, "\(push.err)")
                #expect(!push.err.contains("warning"), "\(push.err)")
                try sandbox.write("storage/a", "\(number)")
            }
            let other = sandbox.machine("other")
            let pull = try await other.holdfast("pull")
            #expect(pull.code == 0, "\(pull.err)")
            #expect(try sandbox.texts("other/storage") == ["adopted": "1", "a": "2"])
            #expect(try await store.keys("memory/local/owner-repo/mirror").count == 1)
            #expect(try await sandbox.doctor().problems == [])
        }
    }
}
