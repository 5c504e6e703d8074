import ArgumentParser
import Basics
import Holdfast
import S3Store

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Try out credentials, clock, endpoint, bucket, rights and this machine, and say what to mend.",
        discussion: """
            The store is tried with small objects below probes/, which are removed again, and within the rights that \
            holdfast policy prints for the role. Snapshots and files are only read. A problem ends with exit code 2.
            """)

    @Option(help: "What has to be possible: pushing and pulling, only restoring, or pruning.") var role: MemoryRole =
        .run
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let role = role
        try await perform("doctor", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                var credentials: (any CredentialSource)?
                if case .s3 = settings.store { credentials = settings.credentials(console) }
                let doctor = Doctor(session.memory, as: role, credentials: credentials)
                var findings: [Finding] = []
                try await doctor.run { finding in
                    findings.append(finding)
                    for line in finding.lines { console.say(line) }
                }
                let problems = findings.count { $0.verdict == .problem }
                let error =
                    problems == 0
                    ? nil
                    : SyncError(code: .problemsFound, message: "\(Figures.count(problems, "problem")) found")
                console.report(DoctorReport(findings, role, session, error))
                guard let error else { return }
                console.fail("doctor", error)
                throw ExitCode(Exit.damage)
            }
        }
    }
}

extension Finding {
    private static let width = Finding.Check.allCases.map(\.rawValue.count).max() ?? 0

    /// The finding for people, and below it what to do.
    fileprivate var lines: [String] {
        let name = check.rawValue + String(repeating: " ", count: Self.width - check.rawValue.count)
        let verdict = verdict.rawValue + String(repeating: " ", count: "problem".count - verdict.rawValue.count)
        let line = "\(verdict)  \(name)  \(text)"
        return fix.map { [line, String(repeating: " ", count: Self.width + 11) + "fix: \($0)"] } ?? [line]
    }
}

/// What `doctor --json` prints.
private struct DoctorReport: Encodable {
    struct Check: Encodable {
        let check: String
        let verdict: String
        let text: String
        @OrNull var fix: String?
        @OrNull var code: String?

        init(_ finding: Finding) {
            (check, verdict, text) = (finding.check.rawValue, finding.verdict.rawValue, finding.text)
            _fix = OrNull(wrappedValue: finding.fix)
            _code = OrNull(wrappedValue: finding.code?.rawValue)
        }
    }

    /// Nothing is broken; there may be warnings.
    let success: Bool
    let memory: String
    let role: String
    let checks: [Check]
    let problems: Int
    let warnings: Int
    @OrNull var error: ErrorReport?

    init(_ findings: [Finding], _ role: MemoryRole, _ session: Session, _ error: SyncError?) {
        success = error == nil
        memory = session.address
        self.role = role.rawValue
        checks = findings.map(Check.init)
        problems = findings.count { $0.verdict == .problem }
        warnings = findings.count { $0.verdict == .warning }
        _error = OrNull(wrappedValue: error.map(ErrorReport.init))
    }
}
