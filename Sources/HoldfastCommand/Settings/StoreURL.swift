/// Where a store is: `s3://BUCKET` or `file:///DIR`.
enum StoreURL: Sendable, Equatable, CustomStringConvertible {
    case s3(bucket: String)
    case file(directory: String)

    /// - Throws: ``UsageError`` for anything else.
    init(_ text: String) throws {
        if text.hasPrefix("s3://") {
            let rest = text.dropFirst(5)
            let bucket = rest.hasSuffix("/") ? rest.dropLast() : rest
            guard !bucket.isEmpty, !bucket.contains("/") else {
                throw UsageError(
                    "'\(text)' is not the URL of a bucket",
                    hint: "Use s3://BUCKET, and --prefix for what comes after it.")
            }
            self = .s3(bucket: String(bucket))
        } else if text.hasPrefix("file:///") {
            let path = text.dropFirst(7)
            guard path.utf8.contains(where: { $0 != UInt8(ascii: "/") }), !path.utf8.contains(0) else {
                throw UsageError("'\(text)' names no directory", hint: "Use file:///DIRECTORY.")
            }
            self = .file(directory: String(path))
        } else {
            throw UsageError("'\(text)' is not a store", hint: "Use s3://BUCKET or file:///DIRECTORY.")
        }
    }

    /// A directory in one spelling, since what was synchronised last is remembered by it.
    func resolved(_ world: World) -> StoreURL {
        if case .file(let directory) = self { .file(directory: world.absolute(directory)) } else { self }
    }

    var description: String {
        switch self {
        case .s3(let bucket): "s3://\(bucket)"
        case .file(let directory): "file://\(directory)"
        }
    }
}
