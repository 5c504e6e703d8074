import FoundationEssentials
import Logging

/// How log lines look.
public enum LogFormat: Sendable, Equatable {
    /// For people: `warning: message key=value`, control characters as `\xNN`.
    /// - Parameters:
    ///   - timestamps: whether each line starts with the time.
    ///   - isColored: whether the level has a colour.
    case text(timestamps: Bool = false, isColored: Bool = false)
    /// For machines: one JSON object on each line, with `timestamp` (ISO 8601, UTC, milliseconds), `level` (`debug`,
    /// `info`, `warning`, `error`), `message`, and beside them the metadata. A metadata key that is one of these three
    /// names, or one that is there already, is written with `context.` before it.
    case json
}

/// The levels that lines know; swift-log has more.
enum LogLevel: String, Sendable {
    case debug, info, warning, error

    init(_ level: Logger.Level) {
        switch level {
        case .trace, .debug: self = .debug
        case .info, .notice: self = .info
        case .warning: self = .warning
        case .error, .critical: self = .error
        }
    }

    /// The SGR parameter of its colour.
    var color: Int {
        switch self {
        case .debug: 2
        case .info: 36
        case .warning: 33
        case .error: 31
        }
    }
}

/// Writes swift-log events as redacted lines.
///
/// HoldfastLogging is the part of Holdfast that writes logs. The handler turns an event into one line, for people or for
/// machines, and a ``LogSink`` writes the line whole; nothing reaches a line without passing a ``Redactor``, which is
/// shared with whoever resolves credentials. Libraries are handed a `Logger` and know nothing of this; only a program
/// puts the three together.
///
/// An error that is logged with an event is the field `error`. Metadata of the logger, of its provider and of the call
/// are merged; the call wins.
public struct HoldfastLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata = Logger.Metadata()
    public var metadataProvider: Logger.MetadataProvider?

    private let format: LogFormat
    private let sink: LogSink
    private let redactor: Redactor
    private let now: @Sendable () -> Date

    /// - Parameters:
    ///   - level: what is less severe is not logged.
    ///   - redactor: shared with whoever registers secrets.
    ///   - metadataProvider: adds metadata to each event.
    ///   - now: the time of an event.
    public init(
        format: LogFormat, level: Logger.Level = .info, redactor: Redactor, sink: LogSink = .standardError,
        metadataProvider: Logger.MetadataProvider? = nil, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        logLevel = level
        self.format = format
        self.redactor = redactor
        self.sink = sink
        self.metadataProvider = metadataProvider
        self.now = now
    }

    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let cleaner = LogCleaner(redactor: redactor)
        var fields = metadata
        for more in [metadataProvider?.get(), event.metadata] {
            if let more { fields.merge(more) { $1 } }
        }
        if let error = event.error { fields["error"] = "\(error)" }
        let level = LogLevel(event.level)
        let message = cleaner.text(event.message.description)
        let members = cleaner.object(fields)
        switch format {
        case .text(let timestamps, let isColored):
            var line = TextLine(level, message, timestamp: timestamps ? timestamp : nil, isColored: isColored)
            line.append(members)
            sink.emit(Array(line.text.utf8) + [UInt8(ascii: "\n")])
        case .json:
            let head: [(name: String, value: LogValue)] = [
                ("timestamp", .text(timestamp)), ("level", .text(level.rawValue)), ("message", .text(message)),
            ]
            var line = JSONLine()
            line.write(object: head + uniquelyNamed(members, except: ["timestamp", "level", "message"]))
            sink.emit(line.bytes + [UInt8(ascii: "\n")])
        }
    }

    private var timestamp: String { now().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) }
}
