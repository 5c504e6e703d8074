import Foundation
import NIOConcurrencyHelpers

/// Refuses to hand out or to take what is in the folder of an embedded store, by permissions.
///
/// They count for those only who are not root, or who run by ``runner``. Somebody who only looks must be root: where the
/// tests are run by another user, an embedded store refuses nothing.
struct RefusingFolder: Sendable {
    let folder: URL
    private let modes = NIOLockedValueBox<[String: NSNumber]>([:])

    init(_ folder: URL) { self.folder = folder }

    private static let isRoot = getuid() == 0

    /// What makes permissions count for root: the command keeps its user, and loses the right to pass over them.
    static let runner = isRoot ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : []

    /// - Parameter refusal: `nil` gives all permissions back.
    /// - Returns: whether anything is refused.
    func refuse(_ refusal: Step.Refusal?) -> Bool {
        modes.withLockedValue { modes in
            for (path, mode) in modes {
                try? FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            }
            modes = [:]
            guard let refusal, Self.isRoot else { return false }
            let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
            for path in [""] + paths where ("/" + path).contains(refusal.part) || refusal.part == "/" {
                let item = folder.path + "/" + path
                guard let attributes = try? FileManager.default.attributesOfItem(atPath: item),
                    let mode = attributes[.posixPermissions] as? NSNumber
                else { continue }
                let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
                let left: Int
                switch (refusal.method, isFolder) {
                case ("GET", false), ("any", _): left = 0
                case ("PUT", true): left = mode.intValue & ~0o222
                default: continue
                }
                modes[item] = mode
                try? FileManager.default.setAttributes([.posixPermissions: left], ofItemAtPath: item)
            }
            return !modes.isEmpty
        }
    }
}
