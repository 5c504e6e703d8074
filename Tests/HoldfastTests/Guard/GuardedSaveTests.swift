import FileIO
import Foundation
import Repository
import Testing

@testable import Holdfast

@Suite("The save of a job and removals")
struct GuardedSaveTests {
    enum Between: CaseIterable {
        /// The state stays where it was restored.
        case sameJob
        /// Another job saves.
        case otherJob
        /// The storage directory is another one when the job saves.
        case otherDirectory
        /// The database is another one.
        case otherDatabase
        /// Nothing was restored in this job.
        case noRestore
    }

    @Test("What goes between a complete restore and the save of one job goes at once", arguments: Between.allCases)
    func job(_ between: Between) async throws {
        try await Fixture.with { fixture in
            let all = Fixture.names(1...8)
            let files = (0..<12).map { "message/\($0).json" }
            try fixture.addSessions(all)
            try fixture.write(Dictionary(uniqueKeysWithValues: files.map { ($0, "{}") }))
            try #require(await fixture.memory().push().success)
            var memory = fixture.memory("b")
            memory.options.run = Commit.Run(id: "1", attempt: "1")
            if between == .noRestore {
                try #require(await memory.pull().success)
            } else {
                let restore = await memory.restore(RestoreRequest(store: .file, cache: nil))
                try #require(restore.hit, "\(restore)")
            }
            let manager = FileManager.default
            switch between {
            case .sameJob, .noRestore: break
            case .otherJob: memory.options.run = Commit.Run(id: "1", attempt: "2")
            case .otherDirectory:
                try manager.moveItem(atPath: fixture.storage("b"), toPath: "\(fixture.folder)/b/elsewhere")
                try manager.createDirectory(atPath: fixture.storage("b"), withIntermediateDirectories: true)
            case .otherDatabase:
                let path = "\(fixture.folder)/b/opencode.db"
                try manager.copyItem(atPath: path, toPath: path + ".new")
                try manager.removeItem(atPath: path)
                try manager.moveItem(atPath: path + ".new", toPath: path)
            }
            try fixture.removeSessions(all, on: "b")
            for name in files { try? fixture.remove(name, on: "b") }
            try fixture.addSessions(["new"], on: "b")
            let save = await memory.save(WriteThroughRequest(store: .file, cache: nil))
            #expect(save.store == .saved && save.sync.error == nil, "\(save)")
            let newest = try await fixture.newest()
            if between == .sameJob {
                #expect(newest.sessions == ["new"])
                #expect(newest.files.subtracting([".version"]).isEmpty)
                #expect(save.sync.heldBack == nil)
            } else {
                #expect(newest.sessions == Set(all + ["new"]))
                #expect(newest.files.isSuperset(of: files))
                #expect(save.sync.warnings.count { $0.contains("8 of 8 sessions and 12 of 1") } == 1, "\(save)")
            }
        }
    }
}
