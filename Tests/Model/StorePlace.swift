import Foundation

/// The store of one scenario, and what can be done to it from outside.
struct StorePlace: Sendable {
    /// The folder of an embedded store.
    var folder: URL?
    /// What the machines are told.
    var settings: [String: String]
    /// What those are told who only look: no request of theirs is refused.
    var direct: [String: String]
    /// Refuses requests from now on; `nil` ends that. Says whether it does.
    var refuse: @Sendable (Step.Refusal?) -> Bool = { _ in false }

    static func embedded(in folder: URL) -> StorePlace {
        let settings = ["HOLDFAST_STORE": "file://\(folder.path)"]
        return StorePlace(folder: folder, settings: settings, direct: settings)
    }

    /// Damages one object.
    /// - Returns: whether there was one.
    func damage(_ damage: Step.Damage, _ number: Int) throws -> Bool {
        guard let folder else { return false }
        let part = damage.rawValue.hasSuffix("pack") ? "/packs/" : "/commits/"
        let objects = try AgentMachine.files(below: folder).filter { $0.contains(part) }.sorted()
        guard !objects.isEmpty else { return false }
        let object = folder.appendingPathComponent(objects[number % objects.count])
        switch damage {
        case .losePack, .loseCommit: try FileManager.default.removeItem(at: object)
        case .cutPack, .flipPack, .flipCommit:
            var content = try Data(contentsOf: object)
            guard content.count > 2 else { return false }
            if damage == .cutPack {
                content.removeLast(content.count / 2)
            } else {
                content[content.startIndex + content.count / 2] ^= 0x55
            }
            try? FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: object.path)
            try content.write(to: object)
        }
        return true
    }

    /// The mirror view of a memory; `nil` where it cannot be looked at.
    func mirror(of agent: String) throws -> Contents? {
        guard let folder else { return nil }
        let part = "/\(agent)/owner-repo/storage/"
        var contents: Contents = [:]
        for path in try AgentMachine.files(below: folder) {
            guard let range = ("/" + path).range(of: part) else { continue }
            let name = String(("/" + path)[range.upperBound...])
            if name == ".version" { continue }
            let data = try Data(contentsOf: folder.appendingPathComponent(path))
            contents[.file(name)] = String(decoding: data, as: UTF8.self)
        }
        return contents
    }
}
