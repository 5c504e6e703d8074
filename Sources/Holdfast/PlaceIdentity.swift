import AgentDatabase
import Basics
import FileIO

/// Which directory and which databases a state lies in, by device and inode. For as long as they stay the same, what goes
/// was removed by somebody at work there, and did not vanish with a disk.
public struct PlaceIdentity: Codable, Sendable, Equatable {
    struct Place: Codable, Sendable, Equatable {
        let device: UInt64
        let inode: UInt64

        init(device: UInt64, inode: UInt64) { (self.device, self.inode) = (device, inode) }

        init(_ status: FileStatus) { self.init(device: status.device, inode: status.inode) }
    }

    /// `nil` if there is no storage directory.
    let storage: Place?
    /// By their names, in hex.
    let databases: [String: Place]

    init(storage: Place?, databases: [String: Place]) { (self.storage, self.databases) = (storage, databases) }

    /// Whether all that was there is still the same. There may be more.
    func isKept(in now: PlaceIdentity) -> Bool {
        (storage == nil || storage == now.storage) && databases.allSatisfy { now.databases[$0.key] == $0.value }
    }
}

extension Workspace {
    /// Where the state lies now; `nil` if that cannot be found out.
    func place(_ databases: [DatabaseFile]) async -> PlaceIdentity? {
        let storage = storage
        do {
            let root = try await FileIO.run { () throws -> PlaceIdentity.Place? in
                do throws(FileError) {
                    return PlaceIdentity.Place(try File.open(storage, [.read, .directory]).status())
                } catch {
                    guard error.isMissing else { throw error }
                    return nil
                }
            }
            let found = databases.compactMap { database in
                database.main.map { (Hexadecimal.text(database.name), PlaceIdentity.Place($0)) }
            }
            return PlaceIdentity(storage: root, databases: Dictionary(found) { first, _ in first })
        } catch { return nil }
    }
}
