import FileIO
import Glibc

/// What the system says of this process.
struct ProcessFigures: Sendable {
    let residentBytes: Int64
    let openFiles: Int
    let mostFiles: Int
    let cpuSeconds: Double

    /// - Throws: `FileError` where `/proc` cannot be read.
    static func now() async throws -> ProcessFigures {
        try await FileIO.run {
            let statm = String(decoding: try File.open("/proc/self/statm", .read).bytes(), as: UTF8.self)
            let pages = statm.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0
            // Two of the files that are counted are those that list the directory.
            let files = try File.open("/proc/self/fd", [.read, .directory]).entries().count - 2
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var usage = rusage()
            getrusage(RUSAGE_SELF.rawValue, &usage)
            let seconds = [usage.ru_utime, usage.ru_stime].reduce(0.0) {
                $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
            }
            return ProcessFigures(
                residentBytes: pages * Int64(sysconf(Int32(_SC_PAGESIZE))), openFiles: files,
                mostFiles: Int(clamping: limit.rlim_cur), cpuSeconds: seconds)
        }
    }
}
