import TestSupport
import Testing

@testable import Holdfast

/// What one run of `doctor` found.
struct DoctorRun {
    let run: Finished
    private let checks: [JSONValue]

    init(_ run: Finished) throws {
        self.run = run
        checks = try #require(try run.json["checks"].array, "\(run.out)\(run.err)")
        let problems = checks.count { $0["verdict"].string == "problem" }
        #expect(run.code == (problems == 0 ? 0 : 2), "\(run.err)")
        #expect(try run.json["success"].bool == (problems == 0))
        #expect(try run.json["problems"].int == problems)
        #expect(try run.json["error"]["code"].string == (problems == 0 ? nil : "problems-found"))
        // Whoever is told of a problem is told what to do, or what exactly is wrong.
        for check in checks where check["verdict"].string == "problem" {
            #expect(check["fix"].string != nil || check["text"].string?.isEmpty == false)
        }
    }

    /// The worst finding of a check.
    subscript(check: Finding.Check) -> JSONValue {
        let all = checks.filter { $0["check"].string == check.rawValue }
        return all.first { $0["verdict"].string == "problem" } ?? all.first ?? .null
    }

    func verdict(_ check: Finding.Check) -> String? { self[check]["verdict"].string }

    /// The checks that are problems.
    var problems: Set<String> {
        Set(checks.filter { $0["verdict"].string == "problem" }.compactMap { $0["check"].string })
    }
}

extension Sandbox {
    func doctor(_ arguments: String..., with changes: [String: String?] = [:]) async throws -> DoctorRun {
        try DoctorRun(try await program(Sandbox.binary, ["doctor", "--json"] + arguments, with: changes))
    }
}
