import Basics
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
        Console(options, isJSONLog: (try? options.isJSONLog(nil, world)) ?? false, world: world)
    }

    private init(_ options: OutputOptions, isJSONLog: Bool, world: World) {
        self.world = world
        isJSON = options.json
        isQuiet = options.quiet
        let isTerminal = world.errIsTerminal
        showsProgress =
            isTerminal && !options.quiet && !options.noProgress && !isJSONLog && world.variable("TERM") != "dumb"
        logFormat = isJSONLog ? .json : .text(timestamps: false, isColored: options.colors(world))
        redactor = Redactor()
        let level: Logger.Level = options.verbose > 0 ? .debug : options.quiet ? .error : isJSONLog ? .info : .notice
        // A log line takes the place of the progress bar, which is drawn again below it.
        let erase = showsProgress ? ProgressBar.erase : ""
        let handler = HoldfastLogHandler(
            format: logFormat, level: level, redactor: redactor,
            sink: LogSink { [world] in world.err(erase + String(decoding: $0, as: UTF8.self)) })
        logger = Logger(label: "holdfast") { _ in handler }
    }

    /// For what a library says of its own doings: warnings and worse.
    var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        return quiet
    }

    /// Keeps a secret out of all output from now on.
    func conceal(_ secret: String) {
        world.conceal(secret)
        redactor.register(secret)
    }

    /// Prints the result for people.
    func say(_ text: String) { if !isQuiet && !isJSON { world.out(redactor.redact(text)) } }

    /// Prints the result for scripts.
    func report(_ value: some Encodable) { if isJSON { world.out(redactor.redact(json(value))) } }

    /// Prints a result for scripts that holds a file of the user's: that stays as it is.
    func reportContent(_ value: some Encodable) { if isJSON { world.out(json(value)) } }

    /// Says why the command failed. Where logs are JSON this is a log line like the others.
    /// - Parameter details: one line for each of the things that failed.
    func fail(_ command: String, _ error: SyncError, details: [String] = []) {
        if logFormat == .json {
            var metadata: Logger.Metadata = ["command": "\(command)", "code": "\(error.code)"]
            if let hint = error.hint { metadata["hint"] = "\(hint)" }
            if !details.isEmpty { metadata["details"] = .array(details.map { "\($0)" }) }
            logger.error("\(error.message)", metadata: metadata)
        } else {
            var lines = ["holdfast \(command): \(error.message)"]
            if let hint = error.hint { lines.append("  hint: \(hint)") }
            lines += details.map { "  \($0)" }
            writeLines(lines.joined(separator: "\n"))
        }
    }

    /// Says something beside the result that is no failure.
    func note(_ text: String, isWarning: Bool = true) {
        if logFormat == .json {
            logger.log(level: isWarning ? .warning : .notice, "\(text)")
        } else if !isQuiet {
            writeLines(isWarning ? "warning: \(text)" : text)
        }
    }

    /// Nothing that a terminal would obey gets through, wherever the text came from.
    private func writeLines(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { printable($0.utf8) }
        world.err(redactor.redact(lines.joined(separator: "\n") + "\n"))
    }
}
