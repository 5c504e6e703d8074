import Glibc

/// An absolute path without `.`, `..` and symbolic links as far as it exists. Names in archives climb from the workspace
/// by `..`, which leads elsewhere where a link is on the way. Blocks.
struct CanonicalPath: Sendable, Equatable {
    let components: [[UInt8]]

    /// - Parameter path: absolute.
    init(_ path: String) { self.init(bytes: Array(path.utf8)) }

    init(bytes path: [UInt8]) {
        let plain = Self.resolved(path, from: [])
        for count in stride(from: plain.count, to: 0, by: -1) {
            let bytes = plain[..<count].flatMap { [UInt8(ascii: "/")] + $0 }.map { CChar(bitPattern: $0) } + [0]
            guard let real = realpath(bytes, nil) else { continue }
            defer { free(real) }
            components =
                Self.resolved(Array(UnsafeRawBufferPointer(start: real, count: strlen(real))), from: [])
                + plain[count...]
            return
        }
        components = plain
    }

    var bytes: [UInt8] { components.isEmpty ? [UInt8(ascii: "/")] : components.flatMap { [UInt8(ascii: "/")] + $0 } }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The components that a name leads to, by its text alone.
    static func resolved(_ name: some Collection<UInt8>, from base: [[UInt8]]) -> [[UInt8]] {
        var result = name.first == UInt8(ascii: "/") ? [] : base
        for part in name.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual([UInt8(ascii: ".")]) { continue }
            if part.elementsEqual("..".utf8) { _ = result.popLast() } else { result.append(Array(part)) }
        }
        return result
    }

    /// The name that leads here from a directory.
    func name(from base: CanonicalPath) -> String {
        let shared = zip(components, base.components).prefix { $0 == $1 }.count
        let up = Array(repeating: Array("..".utf8), count: base.components.count - shared)
        let parts = up + components[shared...]
        if parts.isEmpty { return "." }
        let text = String(decoding: Array(parts.joined(separator: [UInt8(ascii: "/")])), as: UTF8.self)
        // tar would take it for an option.
        return text.hasPrefix("-") ? "./\(text)" : text
    }
}
