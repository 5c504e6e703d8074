import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Simulation
import Testing

/// A fault, and what a client and the store see of it.
struct FaultCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let plan: FaultPlan
    /// What a create says; `nil` for success.
    let create: StoreError.Kind?
    /// Whether the object is there when the client has its answer, and when all is over.
    let isThere: (Bool?, Bool?)

    init(
        _ name: String, _ fault: WritableKeyPath<FaultPlan, Int>?, _ create: StoreError.Kind?,
        _ isThere: (Bool?, Bool?)
    ) {
        testDescription = name
        var plan = FaultPlan.none
        if let fault { plan[keyPath: fault] = 1000 }
        self.plan = plan
        self.create = create
        self.isThere = isThere
    }

    static let all = [
        FaultCase("no fault", nil, nil, (true, true)),
        FaultCase("a lost request", \.lostRequest, .unreachable, (false, false)),
        FaultCase("a lost answer", \.lostAnswer, .unreachable, (true, true)),
        FaultCase("a late effect", \.lateEffect, .unreachable, (false, nil)),
        FaultCase("a delayed answer", \.delayedAnswer, nil, (true, true)),
        FaultCase("409", \.conflict, .conflict, (false, false)),
        FaultCase("412 after one's own success", \.ownSuccessTaken, .alreadyExists, (true, true)),
        FaultCase("500", \.serverError, .server, (false, false)),
        FaultCase("503", \.throttled, .throttled, (false, false)),
    ]
}

@Suite("The simulated world") struct WorldTests {
    private static let key = ObjectKey("memory/packs/aa")

    /// Steps until nothing is left to happen.
    private func run(_ world: World) {
        repeat { world.drain() } while world.step()
    }

    @Test("answers a create as its fault says", arguments: FaultCase.all)
    func faults(_ fault: FaultCase) {
        let world = World(seed: 7, conditions: .enforced, plan: fault.plan)
        let seen = NIOLockedValueBox<(StoreError.Kind?, Bool)?>(nil)
        _ = world.start("client", mayCrash: false) { client in
            let kind = await Self.create("x", with: client)
            seen.withLockedValue { $0 = (kind, client.world.bucket[Self.key] != nil) }
        }
        run(world)
        let (kind, wasThere) = seen.withLockedValue { $0 } ?? (.cancelled, false)
        #expect(kind == fault.create)
        if let expected = fault.isThere.0 { #expect(wasThere == expected) }
        if let expected = fault.isThere.1 { #expect((world.bucket[Self.key] != nil) == expected) }
        world.tearDown()
    }

    @Test("lets a late write happen behind what its client does next")
    func lateWrites() {
        var plan = FaultPlan.none
        plan.lateEffect = 400
        var orders: Set<String> = []
        for seed in UInt64(1)...200 {
            let world = World(seed: seed, conditions: .enforced, plan: plan)
            let order = NIOLockedValueBox<[String]>([])
            _ = world.start("client", mayCrash: false) { client in
                for content in ["a", "b"] {
                    let kind = await Self.create(content, with: client)
                    order.withLockedValue { $0.append(kind?.rawValue ?? "done") }
                }
            }
            run(world)
            let content = world.bucket[Self.key].map { String(buffer: $0.content) } ?? "-"
            orders.insert("\(order.withLockedValue { $0 }) \(content)")
            world.tearDown()
        }
        // The second create won, and the first, whose fate was unknown, came too late; and the other way round.
        #expect(orders.contains(#"["unreachable", "done"] b"#))
        #expect(orders.contains(#"["unreachable", "unreachable"] a"#))
        #expect(orders.contains(#"["unreachable", "unreachable"] b"#))
        #expect(orders.contains(#"["unreachable", "already-exists"] a"#))
    }

    @Test("lets as many racing creates win as the store would", arguments: Conditions.allCases)
    func races(_ conditions: Conditions) {
        let world = World(seed: 1, conditions: conditions, plan: .none)
        let results = NIOLockedValueBox<[String]>([])
        _ = world.start("client", mayCrash: false) { client in
            await withTaskGroup(of: Void.self) { group in
                for content in ["a", "b", "c"] {
                    group.addTask {
                        let kind = await Self.create(content, with: client)
                        results.withLockedValue { $0.append(kind?.rawValue ?? "done") }
                    }
                }
            }
            let kind = await Self.create("d", with: client)
            results.withLockedValue { $0.append(kind?.rawValue ?? "done") }
        }
        run(world)
        let expected =
            switch conditions {
            case .enforced, .enforcedUnproven: ["done", "already-exists", "already-exists", "already-exists"]
            case .racy: ["done", "done", "done", "already-exists"]
            case .ignored: ["done", "done", "done", "done"]
            case .unsupported: ["unsupported", "unsupported", "unsupported", "unsupported"]
            }
        #expect(results.withLockedValue { $0 } == expected)
        world.tearDown()
    }

    @Test("lists in pages, in the order of the keys")
    func pages() {
        let world = World(seed: 1, conditions: .enforced, plan: .none)
        let listed = NIOLockedValueBox<[String]>([])
        _ = world.start("client", mayCrash: false) { client in
            for name in ["b/2", "a/1", "b/1", "b/3", "c/1"] {
                _ = try? await client.store.put(ObjectKey(name), .bytes(ByteBuffer(string: name)), .overwrite)
            }
            let all = try? await client.store.list(prefix: "b/", pageSize: 2).collect()
            listed.withLockedValue { $0 = all?.map(\.key.text) ?? [] }
        }
        run(world)
        #expect(listed.withLockedValue { $0 } == ["b/1", "b/2", "b/3"])
        world.tearDown()
    }

    @Test("runs child tasks and actors inside, and notices what leaves")
    func escapes() {
        let world = World(seed: 1, conditions: .enforced, plan: .none)
        _ = world.start("client", mayCrash: false) { client in
            async let one: Void = client.sleep(nanoseconds: 1_000_000)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { try? await client.sleep(nanoseconds: 5_000_000) } }
            }
            try? await one
        }
        run(world)
        #expect(world.escapes == 0)
        #expect(world.isDone(0))
        world.tearDown()
    }

    @Test("moves the clocks by sleeps, and shows each process its own")
    func clocks() {
        let world = World(seed: 1, conditions: .enforced, plan: .none)
        let hour: Int64 = 3600 * 1_000_000_000
        let start = world.now
        let seen = NIOLockedValueBox<(Int64, Int64)>((0, 0))
        _ = world.start("client", mayCrash: false, skew: -2 * hour) { client in
            try? await client.sleep(nanoseconds: hour)
            seen.withLockedValue { $0 = (client.wallClock, client.monotonicClock) }
        }
        run(world)
        let (wall, monotonic) = seen.withLockedValue { $0 }
        let minute = hour / 60
        #expect((hour...(hour + minute)).contains(monotonic))
        #expect(wall == start + monotonic - 2 * hour)
        world.tearDown()
    }

    /// - Returns: what went wrong.
    private static func create(_ content: String, with client: ClientWorld) async -> StoreError.Kind? {
        do {
            try await client.store.put(key, .bytes(ByteBuffer(string: content)), .createOnly)
            return nil
        } catch {
            return error.kind
        }
    }
}
