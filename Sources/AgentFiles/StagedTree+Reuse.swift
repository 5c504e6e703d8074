import FileIO
import Glibc

extension StagedTree {
    /// Stages a file that a killed process had staged for the same path, if its content is the one that is wanted.
    ///
    /// Nothing is believed of a leftover: it is hashed again, and one that another user could still change is left alone.
    /// Only a tree opened with `reusingLeftovers` finds any.
    /// - Parameters:
    ///   - path: where the file shall be.
    ///   - size: how many bytes the content has.
    ///   - sha256: its hash.
    ///   - modified: the time of its last change, in nanoseconds since 1970; as the leftover has it if `nil`.
    ///   - permissions: of the file. A leftover with others is not used, except that a umask may have taken rights of
    ///     group and others.
    ///   - expected: what must be at the path on ``commit()``.
    /// - Returns: whether the path is staged now; if not, for whatever reason, the content has to be fetched.
    public func reuse(
        _ path: RelativePath, size: Int64, sha256: Digest, modified: Int64? = nil, permissions: UInt32 = 0o600,
        expecting expected: Expectation = .anything
    ) -> Bool {
        for leftover in leftovers.kept {
            guard let files = leftover.files,
                let file = try? files.withChain({ chain throws(FileError) in
                    try File.open(path.name, in: chain.open(path.parent), [.read, .noFollow])
                }),
                let status = try? file.status(), status.size == size, isUsable(status, permissions),
                (try? Digest(of: file)) == sha256
            else { continue }
            guard (try? take(path, of: status, from: files)) != nil else { continue }
            if let modified, (try? file.setModified(to: modified)) == nil {
                staging.discard(path, .files)
                continue
            }
            prepare([Change(path: path, staged: .files, modified: nil, expected: expected)])
            return true
        }
        return false
    }

    /// Whether a file is one that this user's process made for itself alone, with these permissions.
    private func isUsable(_ status: FileStatus, _ permissions: UInt32) -> Bool {
        status.kind == .regular && status.owner == FileStatus.currentOwner && status.links == 1
            && status.permissions & ~permissions == 0 && status.permissions & 0o700 == permissions & 0o700
    }

    /// Moves a file from a leftover to the same path among the staged files, if nothing is staged there.
    private func take(_ path: RelativePath, of hashed: FileStatus, from files: DirectoryPool) throws(FileError) {
        try files.withChain { old throws(FileError) in
            try staging.files.withChain { new throws(FileError) in
                let (source, target) = (try old.open(path.parent), try new.open(path.parent, making: true))
                // A link and not a rename, which would replace a file that is staged there.
                do throws(FileError) { try source.link(path.name, to: path.name, in: target) } catch {
                    staging.remember(emptied: path)
                    throw error
                }
                do throws(FileError) {
                    guard try target.status(of: path.name).inode == hashed.inode else {
                        throw FileError("reuse", path: root.joined(path.bytes), code: ESTALE)
                    }
                    try source.remove(path.name)
                } catch {
                    staging.discard(path, .files)
                    throw error
                }
            }
        }
    }
}
