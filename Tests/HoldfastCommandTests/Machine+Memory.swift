import ArgumentParser
import Holdfast
import Repository

@testable import HoldfastCommand

extension Machine {
    /// Opens the machine's memory in this process, with the settings that the command finds in its place.
    ///
    /// It is the same memory and the same local state, without the start of a process and the debug checks of its command
    /// line: for the steps around the one that a test is about.
    func withMemory<Result>(_ body: (Memory) async throws -> Result) async throws -> Result {
        let world = World.test(sandbox.environment)
        let console = Console.plain(try OutputOptions.parse([]), world: world)
        let settings = try await Settings.resolve([:], file: nil, world: world)
        return try await Session.open(settings, console) { try await body($0.memory) }
    }

    func push() async throws -> SyncResult { try await withMemory { await $0.push() } }

    func pull() async throws -> SyncResult { try await withMemory { await $0.pull() } }

    /// What `verify` finds to be wrong, in words; `nil` if nothing is.
    func damage() async throws -> String? {
        let report = try await withMemory { try await $0.repository.verify() }
        let isWhole = report.damages.isEmpty && report.unknown.isEmpty && report.wholeSnapshots == report.snapshots
        return isWhole ? nil : "\(report)"
    }
}
