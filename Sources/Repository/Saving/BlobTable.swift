import FileIO

/// Which blobs a save may refer to, and where they lie.
///
/// Blobs that lie in the same frame share its place: a large database has a hundred thousand chunks, and a dictionary of
/// references would take three times the memory.
struct BlobTable: Sendable {
    /// Where a blob lies in a frame.
    private struct Place {
        /// Index of the frame.
        let frame: UInt32
        let offset: UInt32
        let length: UInt32

        /// Of a blob that is claimed and not yet anywhere.
        static let claimed = Place(frame: .max, offset: 0, length: 0)
    }

    private var frames: [FrameLocation] = []
    private var places: [Digest: Place] = [:]

    /// Where a blob lies; `nil` if nothing is known of it, or only that it is claimed.
    subscript(_ digest: Digest) -> BlobReference? {
        guard let place = places[digest], place.frame != Place.claimed.frame else { return nil }
        return BlobReference(
            digest: digest, frame: frames[Int(place.frame)], offset: Int(place.offset), length: Int(place.length))
    }

    /// Notes where a blob lies. Blobs of one frame that come one after the other take the least memory.
    mutating func insert(_ blob: BlobReference) {
        if frames.last != blob.frame { frames.append(blob.frame) }
        // A frame is no longer than `FrameLocation.maxLength`, which every reader checks.
        places[blob.digest] = Place(
            frame: UInt32(frames.count - 1), offset: UInt32(blob.offset), length: UInt32(blob.length))
    }

    /// - Returns: whether the blob was neither claimed before nor lies anywhere.
    mutating func claim(_ digest: Digest) -> Bool {
        guard places[digest] == nil else { return false }
        places[digest] = .claimed
        return true
    }
}
