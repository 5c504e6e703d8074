import Foundation
import Testing

/// A real S3 server that the test run starts and stops itself; `scripts/servers` holds how.
public enum TestServerKind: String, CaseIterable, Sendable, Codable, CustomTestStringConvertible {
    /// Fast, with users whose policies differ.
    case ministack
    /// MinIO's S3 code: the only one that checks payload hashes.
    case juicefs
    /// A real cluster of master, volume server and filer.
    case seaweedfs
    case rclone
    /// Checks no signature; answers STS and instance metadata as well.
    case moto
    /// Checks no signature; RFC-019's own suggestion.
    case localstack

    public var testDescription: String { rawValue }

    /// The servers of this run: `HOLDFAST_TEST_SERVERS`, names with commas between them; else those of `make test`.
    ///
    /// An unknown name stops the run: no server may be left out in silence.
    public static let selected: [TestServerKind] = {
        let names = ProcessInfo.processInfo.environment["HOLDFAST_TEST_SERVERS"] ?? "ministack,juicefs,seaweedfs,rclone"
        let kinds = names.split(separator: ",").map { name in
            guard let kind = TestServerKind(rawValue: name.trimmingCharacters(in: .whitespaces)) else {
                fatalError("HOLDFAST_TEST_SERVERS names '\(name)'; known are \(allCases.map(\.rawValue))")
            }
            return kind
        }
        precondition(!kinds.isEmpty, "HOLDFAST_TEST_SERVERS is empty")
        return kinds
    }()

    /// The servers of this run that have a trait, as the arguments of a test.
    ///
    /// Never empty, since a test without arguments would pass without running: where no server of the run has the
    /// trait, the fastest one that has it is started as well.
    public static func selected(where condition: (ServerTraits) -> Bool) -> [TestServerKind] {
        let chosen = selected.filter { condition($0.traits) }
        return chosen.isEmpty ? Array(allCases.filter { condition($0.traits) }.prefix(1)) : chosen
    }

    /// A reader may see a mixture of two versions of an object that is overwritten meanwhile (seen with large objects
    /// under load, so not among the measured ``traits``).
    public var mayTearReads: Bool { self == .juicefs || self == .rclone }

    /// The virtual environment that holds the server, and the command that makes it.
    var environment: (folder: String, command: String) {
        self == .localstack ? (".venv-localstack", "make setup-localstack") : (".venv", "make setup")
    }

    /// The server's program in ``environment``.
    var program: String {
        switch self {
        case .ministack, .juicefs, .rclone: rawValue
        case .seaweedfs: "weed"
        case .moto: "moto_server"
        case .localstack: "localstack-supervisor"
        }
    }
}
