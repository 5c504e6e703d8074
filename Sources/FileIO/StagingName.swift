import Basics

/// The names of files and directories that are being prepared beside their final place: `.holdfast-`, 16 hex digits,
/// `.tmp`. Such a name is never captured and never restored.
public enum StagingName {
    private static let prefix = ".holdfast-"
    private static let suffix = ".tmp"

    /// Permissions of directories that Holdfast makes in an agent's state, which is private.
    public static let directoryPermissions: UInt32 = 0o700

    /// A new random name.
    public static func random() -> [UInt8] { FileIO.temporaryName(prefix) }

    /// Whether a name has the form of a staging name.
    public static func matches(_ name: some Collection<UInt8>) -> Bool {
        guard name.count == prefix.utf8.count + 16 + suffix.utf8.count else { return false }
        let rest = name.dropFirst(prefix.utf8.count)
        return name.starts(with: prefix.utf8) && rest.dropFirst(16).elementsEqual(suffix.utf8)
            && rest.prefix(16).allSatisfy { Hexadecimal.lowerCaseValue($0) != nil }
    }
}
