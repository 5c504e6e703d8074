/// How much of a document the parser is willing to read, so that a hostile answer costs little.
///
/// The defaults fit the largest honest answer, a page of 1000 keys of 1024 bytes each with every byte escaped.
struct XMLLimits: Sendable {
    /// Bytes in the whole document.
    var bytes = 16 << 20
    /// Elements that are open at the same time.
    var depth = 32
    /// Elements in the whole document.
    var elements = 200_000
    /// Attributes of one element.
    var attributes = 32
    /// Bytes in one element or attribute name.
    var nameBytes = 256
}
