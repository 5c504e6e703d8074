import AgentDatabase
import AgentFiles

/// Where an agent's state lies, and which names there belong to it.
struct WatchedPlaces: Sendable {
    /// The storage directory, with all below it.
    let storage: String
    /// The directories that databases lie in; of these only the names of databases count.
    let databaseDirectories: [String]
    let exclusions: Exclusions
    /// File names of databases that are called otherwise: the one that `OPENCODE_DB` names, and targets of links.
    private let otherNames: Set<[UInt8]>

    /// - Parameters:
    ///   - database: the value of `OPENCODE_DB`.
    init(storage: String, database: String?, exclusions: Exclusions) {
        self.storage = storage
        self.exclusions = exclusions
        let data = DatabaseScan.dataDirectory(of: storage)
        var directories = [data]
        var names: Set<[UInt8]> = []
        func add(_ path: String) {
            let directory = DatabaseScan.dataDirectory(of: path)
            if !directories.contains(directory) { directories.append(directory) }
            if let name = path.utf8.split(separator: UInt8(ascii: "/")).last { names.insert(Array(name)) }
        }
        if let database, let name = DatabaseScan.storedName(ofNamed: database) {
            add(DatabaseScan.path(of: name, beside: storage, named: database))
        }
        for database in (try? DatabaseScan.find(beside: storage, named: database))?.databases ?? [] {
            add(database.path)
        }
        databaseDirectories = directories
        otherNames = names
    }

    /// The name of the storage directory in the one that holds it.
    var storageName: [UInt8] { storage.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? [] }

    /// The database that a file belongs to: its main file or its log. The shared memory is none of its content.
    func database(of file: [UInt8]) -> [UInt8]? {
        let suffixes = ["-wal", "-journal"]
        let suffix = suffixes.first { file.count > $0.utf8.count && file.suffix($0.utf8.count).elementsEqual($0.utf8) }
        let stem = suffix.map { Array(file.dropLast($0.utf8.count)) } ?? file
        return DatabaseScan.isDatabaseName(stem) || otherNames.contains(stem) ? stem : nil
    }
}
