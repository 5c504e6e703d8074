import Foundation

/// The store of one scenario, and what can be done to it from outside.
struct StorePlace: Sendable {
    let objects: any StoredObjects
    /// What the machines are told.
    var settings: [String: String]
    /// What those are told who only look: no request of theirs is refused.
    var direct: [String: String]
    /// What the machines run the command by.
    var runner: [String] = []
    /// Refuses requests from now on; `nil` ends that. Says whether it does.
    let refuse: @Sendable (Step.Refusal?) -> Bool

    static func embedded(in folder: URL) -> StorePlace {
        let settings = ["HOLDFAST_STORE": "file://\(folder.path)"]
        let refusing = RefusingFolder(folder)
        return StorePlace(
            objects: FolderObjects(folder: folder), settings: settings, direct: settings,
            runner: RefusingFolder.runner, refuse: refusing.refuse)
    }

    /// Damages one object.
    /// - Returns: whether there was one.
    func damage(_ damage: Step.Damage, _ number: Int) async throws -> Bool {
        let part = damage.rawValue.hasSuffix("pack") ? "/packs/" : "/commits/"
        let keys = try await objects.keys().filter { $0.contains(part) }
        guard !keys.isEmpty else { return false }
        let key = keys[number % keys.count]
        switch damage {
        case .losePack, .loseCommit: try await objects.remove(key)
        case .cutPack, .flipPack, .flipCommit:
            var content = try await objects.read(key)
            guard content.count > 2 else { return false }
            if damage == .cutPack {
                content.removeLast(content.count / 2)
            } else {
                content[content.startIndex + content.count / 2] ^= 0x55
            }
            try await objects.write(key, content)
        }
        return true
    }

    /// The mirror view of a memory.
    func mirror(of agent: String) async throws -> Contents {
        let part = "/\(agent)/owner-repo/storage/"
        var contents: Contents = [:]
        for key in try await objects.keys() {
            guard let range = ("/" + key).range(of: part) else { continue }
            let name = String(("/" + key)[range.upperBound...])
            if name == ".version" { continue }
            contents[.file(name)] = String(decoding: try await objects.read(key), as: UTF8.self)
        }
        return contents
    }
}
