import Basics
import CoreMetrics
import FoundationEssentials
import NIOConcurrencyHelpers

/// Records what the board says of each memory, and what the system says of the process, through swift-metrics.
///
/// It happens when somebody asks for the metrics, so these are the figures of the page, and the watchers need not know of it.
final class HealthMetrics: Sendable {
    /// What each metric means, by its name in Prometheus' format.
    static let help = [
        "holdfast_build_info": "The version that runs; always 1.",
        "holdfast_database_size_bytes": "Size of the main files of the agent's databases.",
        "holdfast_database_wal_size_bytes": "Size of the write-ahead logs of the agent's databases.",
        "holdfast_failures_since_success": "Failed saves since the last good one.",
        "holdfast_http_requests_total": "Requests to this server, by page and status.",
        "holdfast_lag_seconds": "Age of the oldest change that is not in the store; 0 if all is saved.",
        "holdfast_last_save_duration_seconds": "How long the last save took.",
        "holdfast_last_success_timestamp_seconds": "When the store last had all that was here; 0 if never.",
        "holdfast_memory_files": "Files in the newest snapshot.",
        "holdfast_memory_size_bytes": "Bytes of the files in the newest snapshot.",
        "holdfast_memory_state": "1 for what the memory is at, 0 for the other states.",
        "holdfast_pending_changes": "Files that changed since the last save began.",
        "holdfast_ready": "1 if what is here is in the store within the bound.",
        "holdfast_received_bytes_total": "Bytes of content received from the store.",
        "holdfast_save_failures_total": "Failed saves, restores and polls, by reason.",
        "holdfast_saves_total": "Saves that came to an end, also those that found nothing new.",
        "holdfast_sent_bytes_total": "Bytes of content sent to the store.",
        "holdfast_snapshots_total": "Saves that made a snapshot.",
        "holdfast_store_requests_total": "Requests to the store, repeated ones included.",
        "process_cpu_seconds_total": "Processor time of the process, in its own code and in the system's.",
        "process_max_fds": "The most files that the process may have open.",
        "process_open_fds": "Files that the process has open.",
        "process_resident_memory_bytes": "Memory of the process that is in use.",
        "process_start_time_seconds": "When the process began to watch.",
    ]

    private struct CounterName: Hashable {
        let label: String
        let memory: String
        let reason: String
    }

    private let factory: any MetricsFactory
    private let version: String
    /// What has been counted of each total.
    private let counted = NIOLockedValueBox<[CounterName: Int64]>([:])

    init(factory: any MetricsFactory, version: String) {
        self.factory = factory
        self.version = version
    }

    func record(_ board: HealthBoard, at now: Date) async {
        set("holdfast.build_info", 1, [("version", version)])
        for memory in board.memories { record(memory, at: now) }
        set("process.start_time_seconds", board.started.timeIntervalSince1970)
        if let process = try? await ProcessFigures.now() {
            set("process.resident_memory_bytes", Double(process.residentBytes))
            set("process.open_fds", Double(process.openFiles))
            set("process.max_fds", Double(process.mostFiles))
            count("process.cpu_seconds", process.cpuSeconds)
        }
    }

    private func record(_ memory: MemoryHealth, at now: Date) {
        let labels = [("memory", memory.id)]
        count("holdfast.saves", memory, Int64(memory.saves))
        count("holdfast.snapshots", memory, Int64(memory.snapshotsSaved))
        count("holdfast.store_requests", memory, Int64(memory.requests))
        count("holdfast.sent_bytes", memory, memory.bytesSent)
        count("holdfast.received_bytes", memory, memory.bytesReceived)
        // There is a series from the start, so that the first failure shows as an increase.
        let failures = [FailureCode.failed: 0].merging(memory.failuresByReason) { $1 }
        for (reason, number) in failures {
            count("holdfast.save_failures", memory, Int64(number), reason: reason.rawValue)
        }
        for state in MemoryHealth.State.allCases {
            set("holdfast.memory_state", memory.state == state ? 1 : 0, labels + [("state", state.rawValue)])
        }
        set("holdfast.ready", memory.unreadiness(at: now) == nil ? 1 : 0, labels)
        set("holdfast.lag_seconds", memory.lag(at: now), labels)
        set("holdfast.pending_changes", Double(memory.pendingChanges), labels)
        set("holdfast.failures_since_success", Double(memory.failuresSince), labels)
        set("holdfast.last_success_timestamp_seconds", memory.lastSuccess?.timeIntervalSince1970 ?? 0, labels)
        if let seconds = memory.lastSaveSeconds { set("holdfast.last_save_duration_seconds", seconds, labels) }
        set("holdfast.database_size_bytes", Double(memory.databaseBytes), labels)
        set("holdfast.database_wal_size_bytes", Double(memory.walBytes), labels)
        set("holdfast.memory_files", Double(memory.files), labels)
        set("holdfast.memory_size_bytes", Double(memory.totalBytes), labels)
    }

    private func set(_ label: String, _ value: Double, _ labels: [(String, String)] = []) {
        Meter(label: label, dimensions: labels, factory: factory).set(value)
    }

    /// Brings a counter to a total that the board keeps.
    private func count(_ label: String, _ memory: MemoryHealth, _ total: Int64, reason: String? = nil) {
        let name = CounterName(label: label, memory: memory.id, reason: reason ?? "")
        let labels = [("memory", memory.id)] + (reason.map { [("reason", $0)] } ?? [])
        let counter = Counter(label: label, dimensions: labels, factory: factory)
        counted.withLockedValue { counted in
            counter.increment(by: max(0, total - counted[name, default: 0]))
            counted[name] = max(total, counted[name, default: 0])
        }
    }

    /// The same for a total with a fraction, of the process: in millionths.
    private func count(_ label: String, _ total: Double) {
        let name = CounterName(label: label, memory: "", reason: "")
        let counter = FloatingPointCounter(label: label, dimensions: [], factory: factory)
        counted.withLockedValue { counted in
            let millionths = max(Int64(total * 1e6), counted[name, default: 0])
            counter.increment(by: Double(millionths - counted[name, default: 0]) / 1e6)
            counted[name] = millionths
        }
    }
}
