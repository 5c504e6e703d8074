import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

/// Frames that are at hand, so that the store need not be asked for them: those of a copy of a snapshot, or of packs that
/// this process has just written.
///
/// A frame is read by whoever verifies its blobs, so a source that holds something else does no harm but a failure.
public struct NearbyFrames: Sendable {
    /// The bytes of a frame; `nil` if it is not here.
    let read: @Sendable (FrameLocation) async -> ByteBuffer?

    /// - Parameter read: the bytes of a frame as it lies in its pack; `nil` if it is not here, or cannot be read.
    public init(_ read: @escaping @Sendable (FrameLocation) async -> ByteBuffer?) { self.read = read }

    /// The same, and where a frame is not here, another source.
    public func or(_ other: NearbyFrames) -> NearbyFrames {
        NearbyFrames { location in
            if let bytes = await read(location) { return bytes }
            return await other.read(location)
        }
    }
}

extension Repository {
    /// The frames of one snapshot of this repository, for another repository of the same memory.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``.
    public func nearbyFrames(of manifest: Manifest) async throws -> NearbyFrames {
        let frames = try await allFrames(of: manifest)
        return NearbyFrames { location in frames.contains(location) ? await stored(location) : nil }
    }

    /// The bytes of a frame as it lies in its pack.
    /// - Returns: `nil` if the pack is missing, too short, or cannot be read.
    public func stored(_ location: FrameLocation) async -> ByteBuffer? {
        let range = Int64(location.range.lowerBound)..<Int64(location.range.upperBound)
        let content = try? await store.get(key(ofPack: location.pack), range: range, ifMatch: nil)
        let bytes = try? await content?.collect(upTo: range.count)
        return bytes?.readableBytes == range.count ? bytes : nil
    }

    /// Every frame that a snapshot needs, those included that only its chunk lists name.
    func allFrames(of manifest: Manifest) async throws -> Set<FrameLocation> {
        var frames = manifest.frames
        let lists = manifest.entries.filter { if case .chunkLists = $0.content { true } else { false } }
        for blobs in try await blobs(of: lists).values { for blob in blobs { frames.insert(blob.frame) } }
        return frames
    }
}
