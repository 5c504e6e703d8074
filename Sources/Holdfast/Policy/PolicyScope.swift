/// For which memories a policy speaks.
public enum PolicyScope: String, Sendable, CaseIterable {
    /// One agent's memory of one repository.
    case memory
    /// One agent's memories of all repositories.
    case agent
    /// All memories below the prefix.
    case prefix

    /// What the keys of these memories start with, as a pattern of a policy, without a slash at the end.
    func pattern(of location: MemoryLocation) -> String {
        let prefix = escaped(location.prefix)
        return switch self {
        case .memory: escaped(location.key)
        case .agent: "\(prefix)/\(escaped(location.agent.name))/*"
        case .prefix: "\(prefix)/*/*"
        }
    }

    /// A name that a policy takes literally (IAM User Guide, "IAM policy elements: Variables and tags").
    private func escaped(_ name: String) -> String {
        var text = ""
        for character in name.unicodeScalars {
            if "*?$".unicodeScalars.contains(character) {
                text += "${\(character)}"
            } else {
                text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
