import FileIO

/// The rules that a state was captured under. What lies outside of them was left out, and is not deleted.
public struct CaptureScope: Sendable, Hashable {
    /// Which projects' rows of a database were taken.
    public enum Projects: Sendable, Hashable {
        case only([String])
        case except([String])
    }

    /// The agent's profile that the rules come from.
    public var profile: String
    /// Patterns of names that are never stored, whatever the case of their ASCII letters.
    public var never: [String]
    /// Patterns of paths that are left out …
    public var leftOut: [String]
    /// … unless one of these matches.
    public var taken: [String]
    /// Patterns of paths that are left out whatever else matches.
    public var excluded: [String]
    /// `nil` for all.
    public var projects: Projects?

    public init(
        profile: String, never: [String] = [], leftOut: [String] = [], taken: [String] = [], excluded: [String] = [],
        projects: Projects? = nil
    ) {
        self.profile = profile
        self.never = never
        self.leftOut = leftOut
        self.taken = taken
        self.excluded = excluded
        self.projects = projects
    }

    /// Bounds for what a store may say, since patterns cost time.
    private static let maxPatterns = 1000
    private static let maxPatternLength = 1024

    /// The rules, ready to be asked.
    public var filter: ScopeFilter { ScopeFilter(self) }

    /// The scope of a state that was put together from two: nothing that one of them captured is outside of it.
    func united(with other: CaptureScope) -> CaptureScope {
        var united = self
        united.never = never.filter(other.never.contains)
        united.leftOut = leftOut.filter(other.leftOut.contains)
        united.taken += other.taken.filter { !taken.contains($0) }
        united.excluded = excluded.filter(other.excluded.contains)
        united.projects = projects.flatMap { ours in other.projects.flatMap(ours.united) }
        return united
    }
}

extension CaptureScope.Projects {
    /// - Returns: `nil` for all projects.
    fileprivate func united(with other: Self) -> Self? {
        func orAll(_ except: [String]) -> Self? { except.isEmpty ? nil : .except(except) }
        switch (self, other) {
        case (.only(let ours), .only(let theirs)): return .only(ours + theirs.filter { !ours.contains($0) })
        case (.except(let ours), .except(let theirs)): return orAll(ours.filter(theirs.contains))
        case (.only(let taken), .except(let left)), (.except(let left), .only(let taken)):
            return orAll(left.filter { !taken.contains($0) })
        }
    }
}

/// Tells which paths lie in a scope.
public struct ScopeFilter: Sendable {
    private let never: [Glob]
    private let leftOut: [Glob]
    private let taken: [Glob]
    private let excluded: [Glob]

    fileprivate init(_ scope: CaptureScope) {
        never = scope.never.compactMap { Glob(Self.folded($0.utf8)) }
        leftOut = scope.leftOut.compactMap { Glob($0) }
        taken = scope.taken.compactMap { Glob($0) }
        excluded = scope.excluded.compactMap { Glob($0) }
    }

    public func contains(_ path: RelativePath) -> Bool {
        if let name = RelativePath(path.name.map(asciiLowercased)), never.contains(where: { $0.matches(name) }) {
            return false
        }
        if excluded.contains(where: { $0.matches(path) }) { return false }
        return !leftOut.contains { $0.matches(path) } || taken.contains { $0.matches(path) }
    }

    private static func folded(_ text: String.UTF8View) -> String {
        String(decoding: text.map(asciiLowercased), as: UTF8.self)
    }
}

extension CaptureScope: Codable {
    private enum CodingKeys: String, CodingKey { case profile, never, leftOut, taken, excluded, projects }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func patterns(_ key: CodingKeys) throws -> [String] {
            let patterns = try container.decodeIfPresent([String].self, forKey: key) ?? []
            guard patterns.count <= Self.maxPatterns,
                patterns.allSatisfy({ $0.utf8.count <= Self.maxPatternLength && Glob($0) != nil })
            else {
                throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: "no patterns")
            }
            return patterns
        }
        self.init(
            profile: try container.decode(String.self, forKey: .profile), never: try patterns(.never),
            leftOut: try patterns(.leftOut), taken: try patterns(.taken),
            excluded: try patterns(.excluded),
            projects: try container.decodeIfPresent(Projects.self, forKey: .projects))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(profile, forKey: .profile)
        if !never.isEmpty { try container.encode(never, forKey: .never) }
        if !leftOut.isEmpty { try container.encode(leftOut, forKey: .leftOut) }
        if !taken.isEmpty { try container.encode(taken, forKey: .taken) }
        if !excluded.isEmpty { try container.encode(excluded, forKey: .excluded) }
        try container.encodeIfPresent(projects, forKey: .projects)
    }
}

extension CaptureScope.Projects: Codable {
    private enum CodingKeys: String, CodingKey { case only, except }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let only = try container.decodeIfPresent([String].self, forKey: .only) {
            self = .only(only)
        } else {
            self = .except(try container.decode([String].self, forKey: .except))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .only(let projects): try container.encode(projects, forKey: .only)
        case .except(let projects): try container.encode(projects, forKey: .except)
        }
    }
}
