import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Testing

@testable import Holdfast
@testable import Repository

@Suite("Frames that are fetched ahead")
struct FramesAheadTests {
    struct Broken: Error, Equatable {}

    /// A memory of some frames, which are read ahead while `body` runs.
    private func reading(_ body: (Fixture, FramesAhead, Set<FrameLocation>) async throws -> Void) async throws {
        try await Fixture.with { fixture in
            // Each is a chunk and a frame of its own.
            for number in 0..<20 { try fixture.write(["\(number)": String(repeating: "\(number) ", count: 300_000)]) }
            #expect(await fixture.memory().push().success)
            let repository = fixture.memory().repository
            let manifest = try #require(try await repository.newest().manifest)
            let frames = manifest.wholeFileFrames
            try #require(frames.count > 12)
            let ahead = FramesAhead()
            async let read: Void = ahead.read(frames, of: repository)
            do { try await body(fixture, ahead, frames) } catch {
                ahead.cancel()
                throw error
            }
            ahead.cancel()
            await read
        }
    }

    @Test("are all handed over once somebody takes them")
    func all() async throws {
        try await reading { _, ahead, frames in
            let taken = NIOLockedValueBox<[FrameLocation]>([])
            try await ahead.deliver { location, content in
                #expect(content.bytes.readableBytes == location.length)
                taken.withLockedValue { $0.append(location) }
            }
            #expect(taken.withLockedValue { $0.count } == frames.count)
            #expect(taken.withLockedValue { Set($0) } == frames)
        }
    }

    @Test("that nobody wants end nothing but themselves")
    func unwanted() async throws { try await reading { _, _, _ in } }

    @Test("end with the error of who takes them")
    func broken() async throws {
        try await reading { _, ahead, _ in
            await #expect(throws: Broken.self) { try await ahead.deliver { _, _ in throw Broken() } }
        }
    }

    @Test("that are gone are damage for who wants them")
    func gone() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1"])
            #expect(await fixture.memory().push().success)
            let repository = fixture.memory().repository
            let manifest = try #require(try await repository.newest().manifest)
            for object in try await fixture.store.list(prefix: "").collect() where object.key.text.contains("/packs/") {
                _ = try await fixture.store.delete([object.key])
            }
            let ahead = FramesAhead()
            async let read: Void = ahead.read(manifest.wholeFileFrames, of: repository)
            let error = await #expect(throws: RepositoryError.self) { try await ahead.deliver { _, _ in } }
            #expect(error?.kind == .damaged)
            await read
        }
    }

    @Test("are given up where the pull finds a conflict before it takes them")
    func conflict() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1"])
            #expect(await fixture.memory().push().success)
            let wrong = Memory(
                store: fixture.store, location: fixture.location,
                options: Memory.Options(storage: fixture.storage("b") + "/file/below", writer: "b"),
                meter: fixture.meter, logger: .silent)
            try fixture.write(["file": "in the way"], on: "b")
            let result = await wrong.pull()
            #expect(!result.success)
            #expect(try fixture.files("b") == ["file": "in the way"])
        }
    }
}
