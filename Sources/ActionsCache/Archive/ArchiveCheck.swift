import FileIO

/// The rules for what an archive may hold. Sees every member before anything of it is written.
struct ArchiveCheck {
    /// A member that keeps the rules, and where it goes.
    struct Placed {
        let member: TarMember
        let place: ArchiveRoots.Place
        /// The file that a hard link is another name of.
        var linked: ArchiveRoots.Place?
    }

    private enum Kind { case file, directory, link }

    private let roots: ArchiveRoots
    private let options: ActionsCache.Options
    private var kinds: [ArchiveRoots.Place: Kind] = [:]
    private var expanded: Int64 = 0

    init(_ roots: ArchiveRoots, _ options: ActionsCache.Options) { (self.roots, self.options) = (roots, options) }

    /// Whether a root was in the archive.
    var hasRoot: Bool { !kinds.isEmpty }

    /// Counts what comes out of the decompressor, whether it belongs to a member or not.
    mutating func count(_ bytes: Int) throws(ArchiveProblem) {
        expanded += Int64(bytes)
        guard expanded <= options.expandedLimit else {
            throw ArchiveProblem("it expands to more than \(options.expandedLimit) bytes")
        }
    }

    mutating func check(_ member: TarMember) throws(ArchiveProblem) -> Placed {
        guard member.size <= options.expandedLimit - min(expanded, options.expandedLimit) + Int64(TarHeader.blockSize)
        else { throw ArchiveProblem(member.name, "has \(member.size) bytes, more than may be extracted") }
        var placed = Placed(member: member, place: try roots.place(member.name))
        guard placed.place.path != nil || member.kind == .directory else {
            throw ArchiveProblem(member.name, "stands where a directory is wanted")
        }
        try makeWay(to: placed)
        let kind: Kind
        switch member.kind {
        case .directory: kind = .directory
        case .file: kind = .file
        case .link(let target):
            kind = .link
            try checkLink(member.name, target, depth: (placed.place.path?.components.count ?? 0) - 1)
        case .hardLink(let target):
            let source = try roots.place(target)
            // Tar lists a name that it has listed before, even a symbolic link, as a hard link to itself.
            kind = source == placed.place && kinds[source] == .link ? .link : .file
            guard source.root == placed.place.root, kinds[source] == kind else {
                throw ArchiveProblem(member.name, "is a hard link to what is no file of the archive before it")
            }
            placed.linked = source
        }
        // tar lists a file twice whose directory and itself were named.
        if let before = kinds[placed.place], before != kind {
            throw ArchiveProblem(member.name, "is there twice, as different things")
        }
        try note(kind, at: placed.place)
        return placed
    }

    /// Everything above a member must be a directory, so that nothing is written through a link.
    private mutating func makeWay(to placed: Placed) throws(ArchiveProblem) {
        let root = placed.place.root
        guard let path = placed.place.path else { return }
        for above in [nil] + path.ancestors.map({ Optional($0) }) {
            let place = ArchiveRoots.Place(root: root, path: above)
            switch kinds[place] {
            case .directory?: continue
            case nil: try note(.directory, at: place)
            case .link?: throw ArchiveProblem(placed.member.name, "would be written through a symbolic link")
            case .file?: throw ArchiveProblem(placed.member.name, "lies below a file")
            }
        }
    }

    private mutating func note(_ kind: Kind, at place: ArchiveRoots.Place) throws(ArchiveProblem) {
        kinds[place] = kind
        if kinds.count > options.memberLimit { throw ArchiveProblem("it has more than \(options.memberLimit) members") }
    }

    /// A target may climb, but not above the root, and only at its start: behind a name, `..` leads to another place
    /// than its text says if that name is itself a link.
    private func checkLink(_ name: [UInt8], _ target: [UInt8], depth: Int) throws(ArchiveProblem) {
        let parts = target.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual([UInt8(ascii: ".")]) }
        let climbs = parts.prefix { $0.elementsEqual("..".utf8) }.count
        guard !target.isEmpty, !target.contains(0), target.first != UInt8(ascii: "/"), climbs <= depth,
            !parts.dropFirst(climbs).contains(where: { $0.elementsEqual("..".utf8) })
        else { throw ArchiveProblem(name, "is a link whose target may lie outside of its directory") }
    }
}
