import Foundation
import HoldfastLogging
import Logging
import Testing

/// Reads a pipe to its end on a thread of its own: the writers may block all threads that tasks run on.
private func everything(from pipe: Pipe, while body: () async throws -> Void) async throws -> [Data] {
    let (parts, continuation) = AsyncStream<Data>.makeStream()
    let reader = pipe.fileHandleForReading
    Thread.detachNewThread {
        continuation.yield((try? reader.readToEnd()) ?? Data())
        continuation.finish()
    }
    try await body()
    try pipe.fileHandleForWriting.close()
    return await parts.reduce(into: Data()) { $0 += $1 }.split(separator: UInt8(ascii: "\n")).map { Data($0) }
}

private func logger(_ descriptor: Int32) -> Logger {
    let sink = LogSink(descriptor: descriptor)
    return Logger(label: "l") { _ in HoldfastLogHandler(format: .json, redactor: Redactor(), sink: sink) }
}

@Suite("Where log lines go") struct LogSinkTests {
    /// Many of these are more than a pipe holds, and one of them is more than it takes at once.
    let filler: Logger.Metadata = ["filler": "\(String(repeating: "x", count: 10_000))"]

    @Test("lines of many tasks arrive whole")
    func whole() async throws {
        let pipe = Pipe()
        let logger = logger(pipe.fileHandleForWriting.fileDescriptor)
        let lines = try await everything(from: pipe) {
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask { for line in 0..<20 { logger.info("\(task) \(line)", metadata: filler) } }
                }
            }
        }
        #expect(lines.count == 160)
        for line in lines { #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: line) } }
    }

    @Test("a stream that was made non-blocking gets everything")
    func nonBlocking() async throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        try #require(fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0)
        let logger = logger(descriptor)
        let lines = try await everything(from: pipe) { for _ in 0..<50 { logger.info("m", metadata: filler) } }
        #expect(lines.count == 50)
        for line in lines { #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: line) } }
    }

    @Test("a stream that is closed is no reason to stop")
    func closed() { logger(-1).info("lost") }
}
