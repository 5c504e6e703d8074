import Glibc

extension File {
    /// Makes a symbolic link in this directory.
    /// - Parameters:
    ///   - name: of the link.
    ///   - target: what it says, which need not exist.
    /// - Throws: ``FileError``; ``FileError/alreadyExists`` if the name is taken.
    public func makeSymbolicLink(
        _ name: some Collection<UInt8>, to target: some Collection<UInt8>
    ) throws(FileError) {
        guard symlinkat(try terminated(target, "link"), descriptor, try terminated(name, "link")) == 0 else {
            throw FileError("link", path: joined(name))
        }
    }
}
