import FoundationEssentials
import HoldfastLogging
import Logging
import NIOConcurrencyHelpers

/// Keeps the lines that a logger writes.
final class Recorder: Sendable {
    private let written = NIOLockedValueBox<[[UInt8]]>([])
    let redactor = Redactor()

    /// One string for each write, as it was written.
    var writes: [String] { written.withLockedValue { $0.map { String(decoding: $0, as: UTF8.self) } } }
    var bytes: [[UInt8]] { written.withLockedValue { $0 } }

    func logger(_ format: LogFormat, level: Logger.Level = .trace, provider: Logger.MetadataProvider? = nil) -> Logger {
        let sink = LogSink { [written] line in written.withLockedValue { $0.append(line) } }
        return Logger(label: "test") { _ in
            HoldfastLogHandler(
                format: format, level: level, redactor: self.redactor, sink: sink, metadataProvider: provider,
                now: { Date(timeIntervalSince1970: 1_700_000_000.125) })
        }
    }
}

/// Texts are compared as bytes: `String ==` takes two spellings of an accent for the same.
func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
