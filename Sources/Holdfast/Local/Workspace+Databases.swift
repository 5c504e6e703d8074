import AgentDatabase
import AgentFiles
import FileIO

extension Workspace {
    /// The databases of the agent, as they are now.
    func databases() async throws -> DatabaseScan.Found {
        let (storage, named) = (storage, databaseOptions.named)
        return try await FileIO.run { try DatabaseScan.find(beside: storage, named: named) }
    }

    /// A consistent copy of a database, without secrets unless they are wanted.
    func image(of database: DatabaseFile) async throws -> DatabaseImage {
        let keeps = databaseOptions.keepsSecrets
        return try await FileIO.run { cancellation in
            try DatabaseImage.capture(database, keepingSecrets: keeps, cancellation: cancellation)
        }
    }

    /// Whether there is anything of an agent here beside the marker. What cannot be looked at counts as there.
    func hasState() async -> Bool {
        guard let scan = try? await StorageScan.scan(storage, exclusions: exclusions),
            scan.failures.isEmpty, let databases = try? await databases()
        else { return true }
        let marker = Array(StorageVersion.name.utf8)
        return scan.files.contains { $0.path.bytes != marker } || !databases.databases.isEmpty
            || !databases.problems.isEmpty
    }
}
