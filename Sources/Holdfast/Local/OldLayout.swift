import AgentDatabase
import AgentFiles
import FileIO

/// The state of an OpenCode before 1.2: all in JSON files below the storage directory, and no database.
enum OldLayout {
    /// Whether files are of such a state: messages have been in the database since 1.2, and only their differences stay
    /// in the storage directory.
    static func matches(_ paths: some Sequence<RelativePath>) -> Bool {
        paths.contains { path in
            guard path.bytes.starts(with: "message/ses_".utf8) else { return false }
            let names = path.components
            return names.count == 3 && names[2].starts(with: "msg_".utf8)
        }
    }

    static let note =
        "this is the state of an OpenCode before 1.2, without a database: OpenCode 1.16 and newer do not import it; "
        + "start an OpenCode from 1.2.6 to 1.15.13 on it once, which makes the database"
}
