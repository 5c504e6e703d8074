/// The parts of a memory that differ in who may do what with them; docs/format.md says what each holds.
public enum MemoryPart: String, Sendable, CaseIterable {
    case commits, packs
    /// One object for each file, as RFC-019 has it.
    case mirrorView = "storage"
    /// Which snapshot the mirror view shows.
    case mirrorMark = "mirror"
    /// What races of creates and `doctor` leave for a moment.
    case probes
    /// What a prune has seen unused.
    case pruneMarks = "prune"

    /// What the keys of the part are like, below the memory's.
    public var pattern: String { self == .mirrorMark ? rawValue : "\(rawValue)/*" }
}
