import AgentFiles
import FileIO
import Testing

func relative(_ text: String) throws -> RelativePath { try #require(RelativePath(text)) }

extension StorageScan {
    var paths: [String] { files.map(\.path.description) }
}
