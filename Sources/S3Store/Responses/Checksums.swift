import NIOHTTP1

/// The checksums that a store keeps of an object or a part.
struct Checksums: Sendable {
    /// Base64 by algorithm in lower case, as `crc64nvme` or `sha256`.
    let values: [String: String]
    /// `FULL_OBJECT`, or `COMPOSITE` for a checksum of the checksums of parts.
    let type: String?

    /// Reads the elements `ChecksumCRC32`, `ChecksumSHA256`, … of an answer.
    init(_ element: XMLElement) {
        var values: [String: String] = [:]
        for child in element.children where child.name.hasPrefix("Checksum") {
            let algorithm = child.name.dropFirst("Checksum".count).lowercased()
            if algorithm != "type" && algorithm != "algorithm" { values[algorithm] = child.text }
        }
        self.values = values
        type = element.string("ChecksumType")
    }

    /// Reads the headers `x-amz-checksum-crc32`, `x-amz-checksum-sha256`, … of an answer.
    init(_ headers: HTTPHeaders) {
        let prefix = "x-amz-checksum-"
        var values: [String: String] = [:]
        for (name, value) in headers {
            let name = name.lowercased()
            guard name.hasPrefix(prefix) else { continue }
            let algorithm = String(name.dropFirst(prefix.count))
            if algorithm != "type" && algorithm != "algorithm" { values[algorithm] = value }
        }
        self.values = values
        type = headers.first(name: "x-amz-checksum-type")
    }
}
