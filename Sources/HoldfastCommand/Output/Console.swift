import FileIO
import Holdfast
import HoldfastLogging
import Logging

/// Where a command's words go: the result to standard output, everything else to standard error, redacted.
struct Console: Sendable {
    let world: World
    let isJSON: Bool
    let isQuiet: Bool
    let showsProgress: Bool
    let redactor: Redactor
    let logger: Logger
    private let logFormat: LogFormat

    /// - Throws: ``UsageError`` for a log format that does not exist.
    init(_ options: OutputOptions, file: ConfigFile?, world: World) throws {
        self.init(options, isJSONLog: try options.isJSONLog(file, world), world: world)
    }

    /// The console for what goes wrong before the options are known to be right.
    static func plain(_ options: OutputOptions, world: World) -> Console {
        Console(options, isJSONLog: options.logFormat == "json", world: world)
    }

    private init(_ options: OutputOptions, isJSONLog: Bool, world: World) {
        self.world = world
        isJSON = options.json
        isQuiet = options.quiet
        let isTerminal = world.errIsTerminal
        showsProgress = isTerminal && !options.quiet && !options.noProgress && !isJSONLog
        logFormat = isJSONLog ? .json : .text(timestamps: false, isColored: options.colors(world))
        redactor = Redactor()
        let level: Logger.Level = options.verbose > 0 ? .debug : options.quiet ? .error : isJSONLog ? .info : .notice
        let handler = HoldfastLogHandler(
            format: logFormat, level: level, redactor: redactor,
            sink: LogSink { [world] in world.err(String(decoding: $0, as: UTF8.self)) })
        logger = Logger(label: "holdfast") { _ in handler }
    }

    /// Prints the result for people.
    func say(_ text: String) { if !isQuiet && !isJSON { world.out(text) } }

    /// Prints the result for scripts.
    func report(_ value: some Encodable) { if isJSON { world.out(redactor.redact(json(value))) } }

    /// Says why the command failed. Where logs are JSON this is a log line like the others.
    func fail(_ command: String, _ error: SyncError) {
        if logFormat == .json {
            var metadata: Logger.Metadata = ["command": "\(command)", "code": "\(error.code)"]
            if let hint = error.hint { metadata["hint"] = "\(hint)" }
            logger.error("\(error.message)", metadata: metadata)
        } else {
            var text = "holdfast \(command): \(error.message)\n"
            if let hint = error.hint { text += "  hint: \(hint)\n" }
            world.err(redactor.redact(text))
        }
    }

    /// Says something beside the result, such as a warning that is no failure.
    func note(_ text: String) {
        if logFormat == .json { logger.warning("\(text)") } else { world.err(redactor.redact(text + "\n")) }
    }
}
