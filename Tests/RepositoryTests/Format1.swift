import FileIO
import Foundation
import NIOCore

@testable import Repository

extension Commit {
    /// The commit as a program of format 1 has written it, as far as that format can say it.
    func format1() throws -> ByteBuffer {
        var object: [String: Any] = [
            "format": 1, "seq": seq, "nonce": nonce, "agent": agent, "repository": repository, "writer": writer,
            "time": time, "files": files, "bytes": bytes, "newBytes": newBytes,
            "parents": parents.map { ["name": $0.name.description, "sha256": $0.id.hexadecimal] },
            "ancestors": ancestors.map(\.name.description),
            "store": ["createOnly": store.createOnly, "location": store.location] as [String: Any],
            "manifest": [
                "pack": manifest.pack.hexadecimal, "packSize": manifest.packSize, "pages": manifest.pages,
                "offset": manifest.root.frame.offset, "storedLength": manifest.root.frame.storedLength,
                "length": manifest.root.length, "sha256": manifest.root.digest.hexadecimal,
            ] as [String: Any],
        ]
        object["note"] = note
        object["run"] = run?.id.map { ["id": $0] }
        let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return ByteBuffer(bytes: data)
    }
}
