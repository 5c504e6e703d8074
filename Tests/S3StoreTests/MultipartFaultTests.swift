import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Uploads in parts")
struct MultipartFaultTests {
    static let partSize = Int(S3Multipart.smallestPart)

    private func content(parts: Int) -> ObjectBody {
        .bytes(ByteBuffer(repeating: 7, count: (parts - 1) * Self.partSize + 100))
    }

    @Test("A part that fails ends the upload, and what was sent is removed")
    func partFails() async throws {
        try await StubbedStore.run({ request in
            request.query.hasPrefix("partNumber=2&") ? .error(403, "AccessDenied") : .wellBehaved(request)
        }) { stub in
            let error = await failure { try await stub.store.put(ObjectKey("key"), content(parts: 3), .overwrite) }
            #expect(error?.kind == .denied)
            #expect(stub.server.requests.contains { $0.isAbort })
            #expect(!stub.server.requests.contains { $0.isComplete })
        }
    }

    @Test("A failed removal hides nothing, and is logged")
    func abortFails() async throws {
        try await StubbedStore.run({ request in
            request.isPart
                ? .error(403, "AccessDenied") : request.isAbort ? .error(403, "AccessDenied") : .wellBehaved(request)
        }) { stub in
            let error = await failure { try await stub.store.put(ObjectKey("key"), content(parts: 2), .overwrite) }
            #expect(error?.hint?.contains("s3:PutObject") == true)
            #expect(stub.logs.text.contains("An unfinished upload could not be removed"))
        }
    }

    @Test("A cancelled upload is removed from the store", .timeLimit(.minutes(1)))
    func cancelled() async throws {
        try await StubbedStore.run({ $0.isPart ? .hang : .wellBehaved($0) }) { stub in
            let (store, body) = (stub.store, content(parts: 3))
            let task = Task { await failure { try await store.put(ObjectKey("key"), body, .overwrite) } }
            for await request in stub.server.arrivals where request.isPart { break }
            task.cancel()
            #expect(await task.value?.kind == .cancelled)
            #expect(stub.server.requests.contains { $0.isAbort })
        }
    }

    @Test("A cancelled upload does not wait for ever for a store that does not answer", .timeLimit(.minutes(1)))
    func cancelledWithoutAnswer() async throws {
        try await StubbedStore.run(
            { $0.isPart || $0.isAbort ? .hang : .wellBehaved($0) }, cleanUp: .milliseconds(10)
        ) { stub in
            let (store, body) = (stub.store, content(parts: 2))
            let task = Task { await failure { try await store.put(ObjectKey("key"), body, .overwrite) } }
            for await request in stub.server.arrivals where request.isPart { break }
            task.cancel()
            #expect(await task.value?.kind == .cancelled)
            #expect(stub.logs.text.contains("An unfinished upload could not be removed"))
        }
    }

    @Test("No more parts are under way than memory is meant for", .timeLimit(.minutes(1)))
    func partsAtOnce() async throws {
        let (gate, gauge) = (GroupGate(size: S3Multipart.partsAtOnce), Gauge())
        try await StubbedStore.run(
            { request in
                guard request.isPart else { return .wellBehaved(request) }
                await gate.pass()
                gauge.leave()
                return .wellBehaved(request)
            },
            early: { request in
                // Counted from its head on, long before the other parts have arrived as a whole.
                if request.isPart { gauge.enter() }
                return nil
            }
        ) { stub in
            let parts = 2 * S3Multipart.partsAtOnce
            try await stub.store.put(ObjectKey("key"), content(parts: parts), .overwrite)
            #expect(stub.server.requests.count { $0.isPart } == parts)
            #expect(gauge.most == S3Multipart.partsAtOnce)
        }
    }

    @Test("The parts are joined in order, whatever the order in which they ended")
    func order() async throws {
        try await StubbedStore.run({ request in
            guard request.isPart else { return .wellBehaved(request) }
            let number = request.query.dropFirst("partNumber=".count).prefix { $0 != "&" }
            return .status(200, headers: [("ETag", "\"e\(number)\"")])
        }) { stub in
            try await stub.store.put(ObjectKey("key"), content(parts: 3), .createOnly)
            let complete = try #require(stub.server.requests.last)
            #expect(complete.isComplete)
            #expect(complete.header("if-none-match") == "*")
            let tags = complete.text.split(separator: "<ETag>").dropFirst().map { String($0.prefix { $0 != "<" }) }
            #expect(tags == ["&quot;e1&quot;", "&quot;e2&quot;", "&quot;e3&quot;"])
        }
    }

    @Test("A part whose sending breaks off is sent again, whole")
    func partRetried() async throws {
        let parts = Ordinals()
        try await StubbedStore.run({ request in
            request.isPart && parts.next() == 1 ? .reset : .wellBehaved(request)
        }) { stub in
            try await stub.store.put(ObjectKey("key"), content(parts: 2), .overwrite)
            let lengths = stub.server.requests.filter(\.isPart).map(\.bodyLength).sorted()
            #expect(lengths == [100, Self.partSize, Self.partSize] || lengths == [100, 100, Self.partSize])
        }
    }

    @Test("An error in a success of CompleteMultipartUpload is tried again, then told", arguments: [1, 6])
    func completeError(_ faults: Int) async throws {
        let completes = Ordinals()
        try await StubbedStore.run({ request in
            request.isComplete && completes.next() <= faults ? .error(200, "InternalError") : .wellBehaved(request)
        }) { stub in
            let error = await failure { try await stub.store.put(ObjectKey("key"), content(parts: 2), .overwrite) }
            #expect(error?.kind == (faults == 1 ? nil : .server))
            #expect(stub.server.requests.contains { $0.isAbort } == (faults > 1))
        }
    }

    @Test("An upload whose completion was not acknowledged is recognised", arguments: [true, false])
    func lostCompletion(_ isOurs: Bool) async throws {
        let completes = Ordinals()
        let body = content(parts: 2)
        let digests = [Self.partSize, 100].map { MD5Digest.of(ByteBuffer(repeating: 7, count: $0)) }
        let tag = isOurs ? MultipartTag.text(digests) : "0123456789abcdef0123456789abcdef-2"
        try await StubbedStore.run({ request in
            if request.isComplete {
                return completes.next() == 1 ? .closeWithoutAnswer : .error(404, "NoSuchUpload")
            }
            if request.isAbort { return .error(404, "NoSuchUpload") }
            if request.method == "HEAD" {
                return .status(
                    200, headers: [("ETag", "\"\(tag)\""), ("Content-Length", "\(Self.partSize + 100)")])
            }
            return .wellBehaved(request)
        }) { stub in
            let error = await failure { try await stub.store.put(ObjectKey("key"), body, .overwrite) }
            #expect(error?.kind == (isOurs ? nil : .notFound))
            #expect(!stub.logs.text.contains("could not be removed"))
        }
    }

    @Test("A file that changes while it is read is not stored", .timeLimit(.minutes(1)), arguments: ["grown", "cut"])
    func sourceChanged(_ change: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path + "/source"
            try Data(count: 6 * Self.partSize).write(to: URL(fileURLWithPath: path))
            let parts = Ordinals()
            try await StubbedStore.run({ request in
                if request.isPart, parts.next() == 1 {
                    // Before the last part is read, since no more than four are under way.
                    let file = FileHandle(forUpdatingAtPath: path)
                    try? file?.truncate(atOffset: UInt64(change == "cut" ? 10 : 6 * Self.partSize + 1))
                    try? file?.close()
                }
                return .wellBehaved(request)
            }) { stub in
                let error = await failure {
                    try await stub.store.put(ObjectKey("key"), .file(at: path), .overwrite)
                }
                #expect(error?.kind == .sourceChanged)
                #expect(stub.server.requests.contains { $0.isAbort })
                #expect(!stub.server.requests.contains { $0.isComplete })
            }
        }
    }

    /// Sizes in bytes, with the part size and the number of parts that follow.
    static let sizes: [(size: Int64, part: Int64, count: Int64)] = [
        (5 << 30, 8 << 20, 640), (80_000 << 20, 8 << 20, 10_000), (80_000 << 20 + 1, 9 << 20, 8889),
        (1 << 40, 105 << 20, 9987), (5 << 40, 525 << 20, 9987),
    ]

    @Test("The size of the parts keeps to the limits of S3", arguments: sizes)
    func partSizes(size: Int64, part: Int64, count: Int64) {
        #expect(S3Multipart.partSize(for: size) == part)
        #expect((size + part - 1) / part == count)
        #expect(count <= S3Multipart.mostParts && part <= 5 << 30)
    }

    @Test("A file that is larger than S3 takes is refused before it is read")
    func tooLarge() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path + "/sparse"
            #expect(FileManager.default.createFile(atPath: path, contents: nil))
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.truncate(atOffset: UInt64(S3Multipart.largestObject) + 1)
            try await StubbedStore.run({ .wellBehaved($0) }) { stub in
                let error = await failure { try await stub.store.put(ObjectKey("key"), .file(at: path), .overwrite) }
                #expect(error?.kind == .tooLarge)
                #expect(stub.server.requests.isEmpty)
            }
        }
    }
}
