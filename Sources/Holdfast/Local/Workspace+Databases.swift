import AgentDatabase
import AgentFiles
import FileIO

extension Workspace {
    /// The databases of the agent, as they are now.
    func databases() async throws -> DatabaseScan.Found {
        let (storage, named, rules) = (storage, databaseOptions.named, databaseRules)
        return try await FileIO.run { try DatabaseScan.find(beside: storage, named: named, rules: rules) }
    }

    /// Which databases are taken, by their names.
    var databaseRules: DatabaseNameRules {
        let (excluded, included) = exclusions.databaseNames
        return DatabaseNameRules(excluding: excluded, including: included)
    }

    /// Whether the rules leave a database of the store out.
    func leavesOut(database path: RelativePath) -> Bool {
        guard DatabaseEntries.contains(path) else { return false }
        let name = Array(path.name)
        if DatabaseScan.storedName(ofNamed: databaseOptions.named) == name {
            return databaseRules.reason(toLeaveOutNamed: name) != nil
        }
        return databaseRules.reason(toLeaveOut: name) != nil
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
