import Basics
import CoreMetrics
import FoundationEssentials
import Hummingbird
import HummingbirdTesting
import Testing

@testable import HoldfastService

@Suite("Metrics")
struct MetricsTests {
    @Test("renders what is recorded through swift-metrics")
    func kinds() throws {
        let registry = MetricsRegistry(help: ["a_b_total": "A \\ and\na line"])
        Counter(label: "a.b", dimensions: [("x", "1")], factory: registry).increment(by: 2)
        Counter(label: "a.b", dimensions: [("x", "1")], factory: registry).increment(by: 3)
        Counter(label: "a.b", dimensions: [("x", "2")], factory: registry).increment()
        FloatingPointCounter(label: "seconds", dimensions: [], factory: registry).increment(by: 0.25)
        Meter(label: "level", dimensions: [], factory: registry).set(-1.5)
        Gauge(label: "gauge", dimensions: [], factory: registry).record(7)
        Gauge(label: "gauge", dimensions: [], factory: registry).record(8)
        Recorder(label: "sizes", dimensions: [], aggregate: true, factory: registry).record(5)
        Recorder(label: "sizes", dimensions: [], aggregate: true, factory: registry).record(6)
        Timer(label: "9took", dimensions: [], factory: registry).recordMilliseconds(1500)
        let metrics = try MetricsParser(registry.render())
        #expect(metrics.value("a_b_total", ["x": "1"]) == 5)
        #expect(metrics.value("a_b_total", ["x": "2"]) == 1)
        #expect(metrics.value("seconds_total") == 0.25)
        #expect(metrics.value("level") == -1.5)
        #expect(metrics.value("gauge") == 8)
        #expect(metrics.value("sizes_sum") == 11)
        #expect(metrics.value("sizes_count") == 2)
        #expect(metrics.value("_9took_sum") == 1.5)
        #expect(metrics.types["sizes"] == "summary")
        #expect(metrics.help["a_b_total"] == "A \\\\ and\\na line")
    }

    @Test(
        "escapes labels and keeps names plain",
        arguments: ["", "a\"b", "back\\slash", "line\nend", "{}=,", "naïve ☕", "\\n\"", "} 1\nevil 1"])
    func labels(_ value: String) throws {
        let registry = MetricsRegistry()
        Counter(label: "requests of\n{}", dimensions: [("a-b", value)], factory: registry).increment()
        let metrics = try MetricsParser(registry.render())
        #expect(metrics.samples == [.init(name: "requests_of____total", labels: ["a_b": value], value: 1)])
    }

    @Test("a name is of one kind, and what was destroyed is gone")
    func conflicts() throws {
        let registry = MetricsRegistry()
        let meter = Meter(label: "x", dimensions: [], factory: registry)
        meter.set(1)
        Recorder(label: "x", dimensions: [], aggregate: true, factory: registry).record(5)
        Counter(label: "y", dimensions: [], factory: registry).increment()
        #expect(try MetricsParser(registry.render()).value("x") == 1)
        meter.destroy()
        let metrics = try MetricsParser(registry.render())
        #expect(metrics.types == ["y_total": "counter"])
    }

    @Test(
        "writes numbers as Prometheus reads them",
        arguments: [
            (0.0, "0"), (-3, "-3"), (1e15, "1000000000000000"), (0.1, "0.1"), (1e300, "1e+300"), (.nan, "NaN"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (1_800_000_000.25, "1800000000.25"),
        ])
    func values(_ value: Double, _ text: String) {
        #expect(MetricsText.value(value) == text)
    }

    @Test("shows what the board says, and counts what it counted")
    func health() async throws {
        let fixture = StatusFixture()
        fixture.board.update("website") { health in
            health.state = .retrying
            health.lastSuccess = fixture.now.addingTimeInterval(-30)
            health.oldestUnsavedChange = fixture.now.addingTimeInterval(-4)
            health.lastSaveSeconds = 0.5
            (health.saves, health.snapshotsSaved, health.requests) = (7, 5, 90)
            (health.bytesSent, health.bytesReceived) = (1000, 2000)
            (health.databaseBytes, health.walBytes) = (4096, 512)
            (health.files, health.totalBytes, health.pendingChanges, health.failuresSince) = (11, 12, 13, 3)
            for code in [FailureCode.denied, .denied, .server] {
                health.add(MemoryHealth.Failure(time: fixture.now, code: code, message: "secret words"))
            }
        }
        try await fixture.application().test(.router) { client in
            for round in 0..<2 {
                let response = try await client.execute(uri: "/metrics", method: .get)
                #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
                let text = String(buffer: response.body)
                let metrics = try MetricsParser(text)
                let labels = ["memory": "website"]
                func value(_ name: String, _ more: [String: String] = [:]) -> Double? {
                    metrics.value("holdfast_\(name)", labels.merging(more) { $1 })
                }
                #expect(value("saves_total") == Double(7 + round))
                #expect(value("snapshots_total") == 5)
                #expect(value("store_requests_total") == 90)
                #expect(value("sent_bytes_total") == 1000)
                #expect(value("received_bytes_total") == 2000)
                #expect(value("save_failures_total", ["reason": "denied"]) == 2)
                #expect(value("save_failures_total", ["reason": "server"]) == 1)
                // It is there before the first failure, so that an alert can see it grow.
                #expect(value("save_failures_total", ["reason": "failed"]) == 0)
                #expect(value("lag_seconds") == 4)
                #expect(value("last_success_timestamp_seconds") == 1_799_999_970)
                #expect(value("last_save_duration_seconds") == 0.5)
                #expect(value("database_size_bytes") == 4096)
                #expect(value("database_wal_size_bytes") == 512)
                #expect(value("memory_files") == 11)
                #expect(value("memory_size_bytes") == 12)
                #expect(value("pending_changes") == 13)
                #expect(value("failures_since_success") == 3)
                #expect(value("ready") == 1)
                #expect(value("memory_state", ["state": "retrying"]) == 1)
                #expect(value("memory_state", ["state": "idle"]) == 0)
                #expect(metrics.value("holdfast_build_info", ["version": "0.1.0"]) == 1)
                #expect(try #require(metrics.value("process_resident_memory_bytes")) > 1_000_000)
                #expect(try #require(metrics.value("process_open_fds")) > 2)
                #expect(try #require(metrics.value("process_max_fds")) > 2)
                #expect(try #require(metrics.value("process_cpu_seconds_total")) > 0)
                #expect(metrics.value("process_start_time_seconds") == fixture.board.started.timeIntervalSince1970)
                if round == 1 {
                    #expect(metrics.value("holdfast_http_requests_total", ["page": "/metrics", "status": "200"]) == 1)
                }
                #expect(!text.contains("secret words") && !text.contains("somebody"))
                #expect(Set(metrics.types.keys).isSubset(of: Set(HealthMetrics.help.keys)))
                fixture.board.update("website") { $0.saves += 1 }
            }
        }
    }

    @Test("counts requests by page, never by what somebody asks for")
    func requests() async throws {
        let fixture = StatusFixture()
        try await fixture.save(["x": "y"])
        try await fixture.application().test(.router) { client in
            for uri in ["/memory/website", "/memory/other", "/memory/website/files/x", "/evil%22", "/evil2"] {
                _ = try await client.execute(uri: uri, method: .get)
            }
            _ = try await client.execute(uri: "/", method: .post)
            let metrics = try MetricsParser(
                String(buffer: try await client.execute(uri: "/metrics", method: .get).body))
            func count(_ page: String, _ status: String) -> Double? {
                metrics.value("holdfast_http_requests_total", ["page": page, "status": status])
            }
            #expect(count("/memory/{id}", "200") == 1)
            #expect(count("/memory/{id}", "404") == 1)
            #expect(count("/memory/{id}/files/**", "200") == 1)
            #expect(count("other", "404") == 2)
            #expect(count("other", "405") == 1)
        }
    }
}
