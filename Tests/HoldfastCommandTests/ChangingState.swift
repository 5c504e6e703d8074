import Foundation
import TestSupport

/// An agent's state that changes from one save to the next, as its seed says.
///
/// It changes in the ways that are hard for who remembers what was saved last: files of the same size in place, files
/// that come back after they were removed, content that returns to what it was, names that are a file and then a
/// directory.
struct ChangingState {
    private(set) var files: [String: Data] = [:]
    /// What the files held once; a change may return to it.
    private var former: [String: Data] = [:]
    private var before: [String: Data] = [:]
    private var count = 0

    static let large = "database/large.bin"

    /// About eighty small files in several directories and one of 3 MiB.
    init(_ random: inout SeededGenerator) {
        for _ in 0..<80 { files[newPath(&random)] = Self.text(&random) }
        files["swap"] = Self.text(&random)
        files[Self.large] = Data(random.bytes(3 << 20))
        before = files
    }

    /// Changes some twenty files.
    mutating func change(_ random: inout SeededGenerator) {
        let start = files
        defer { before = start }
        if Int.random(in: 0..<8, using: &random) == 0 {
            // All is again as it was.
            files = before
            return
        }
        for _ in 0..<Int.random(in: 2...12, using: &random) { rewrite(&random) }
        for _ in 0..<Int.random(in: 0...4, using: &random) { files[newPath(&random)] = Self.text(&random) }
        for _ in 0..<Int.random(in: 0...4, using: &random) { remove(&random) }
        if Bool.random(using: &random), let path = former.keys.sorted().randomElement(using: &random) {
            let now = files[path]
            files[path] = former[path]
            former[path] = now
        }
        if Int.random(in: 0..<3, using: &random) == 0 { changeLarge(&random) }
        if Int.random(in: 0..<4, using: &random) == 0 { swapFileAndDirectory(&random) }
    }

    private func randomPath(_ random: inout SeededGenerator) -> String? {
        files.keys.filter { $0 != Self.large && !$0.hasPrefix("swap") }.sorted().randomElement(using: &random)
    }

    private mutating func rewrite(_ random: inout SeededGenerator) {
        guard let path = randomPath(&random), var content = files[path] else { return }
        former[path] = content
        if Bool.random(using: &random), let at = content.indices.randomElement(using: &random) {
            content[at] = content[at] == 0x78 ? 0x79 : 0x78
        } else {
            content += Self.text(&random)
        }
        files[path] = content
    }

    private mutating func remove(_ random: inout SeededGenerator) {
        guard files.count > 60, let path = randomPath(&random) else { return }
        former[path] = files.removeValue(forKey: path)
    }

    private mutating func changeLarge(_ random: inout SeededGenerator) {
        guard var content = files[Self.large] else { return }
        let at = Int.random(in: 0..<content.count - 4096, using: &random)
        content.replaceSubrange(at..<at + 4096, with: random.bytes(4096))
        files[Self.large] = content
    }

    private mutating func swapFileAndDirectory(_ random: inout SeededGenerator) {
        if files.removeValue(forKey: "swap") == nil {
            for path in files.keys.filter({ $0.hasPrefix("swap/") }) { files[path] = nil }
            files["swap"] = Self.text(&random)
        } else {
            for name in ["swap/one", "swap/two/three"] { files[name] = Self.text(&random) }
        }
    }

    private mutating func newPath(_ random: inout SeededGenerator) -> String {
        count += 1
        let directories = [
            "", "session/", "session/ses_1/", "session/ses_2/", "message/ses_1/", "part/a/b/c/", "tödo/",
        ]
        return "\(directories.randomElement(using: &random) ?? "")file-\(count).json"
    }

    private static func text(_ random: inout SeededGenerator) -> Data {
        let words = (0..<Int.random(in: 0...120, using: &random)).map { _ in
            String(random.next() % 100_000, radix: 36)
        }
        return Data(#"{"id":"\#(random.next())","text":"\#(words.joined(separator: " "))"}"#.utf8)
    }
}
