import ObjectStore

/// Something that happens because its time has come.
enum TimedEvent: Sendable {
    /// A place in the sleepers.
    case wake(Int)
    /// A client.
    case resume(Int)
}

extension WorldState {
    /// The next thing that happens because of the time, unless a request under way would grow too old by it.
    func nextTimedEvent(_ ready: [Int]) -> TimedEvent? {
        var next: (due: Int64, event: TimedEvent)?
        for (index, sleeper) in sleepers.enumerated() {
            let client = clients[sleeper.client]
            guard !client.isCrashed, client.pausedUntil == nil else { continue }
            let due = sleeper.isCancelled ? now : sleeper.due
            if next.map({ due < $0.due }) ?? true { next = (due, .wake(index)) }
        }
        for (index, client) in clients.enumerated() {
            guard let due = client.pausedUntil, !client.isCrashed else { continue }
            if next.map({ due < $0.due }) ?? true { next = (due, .resume(index)) }
        }
        guard let next else { return nil }
        let oldest = ready.map { calls[$0].sentAt }.min() ?? next.due
        return next.due - oldest <= Self.requestLifetime / 2 ? next.event : nil
    }

    mutating func happen(_ event: TimedEvent) {
        switch event {
        case .wake(let index):
            let sleeper = sleepers[index]
            advance(to: sleeper.isCancelled ? now : sleeper.due)
            note("\(clients[sleeper.client].name) wakes\(sleeper.isCancelled ? " (cancelled)" : "")")
            sleepers.remove(at: index)
            lastClient = sleeper.client
            sleeper.wake.resume(returning: !sleeper.isCancelled)
        case .resume(let client):
            guard let due = clients[client].pausedUntil else { return }
            advance(to: due)
            note("\(clients[client].name) resumes")
            clients[client].pausedUntil = nil
            for index in calls.indices where calls[index].client == client && calls[index].result == nil {
                calls[index].sentAt = now
                calls[index].keyWasFree = isFree(calls[index].request)
            }
        }
    }

    /// Moves the server's clock, after what would be too old then.
    private mutating func advance(to time: Int64) {
        while let index = lateWrites.firstIndex(where: { time - $0.sentAt > Self.requestLifetime }) {
            settleLateWrite(index)
        }
        now = max(now, time)
    }

    /// A write whose client has given up takes effect, or never does.
    mutating func settleLateWrite(_ index: Int) {
        let late = lateWrites.remove(at: index)
        guard dice.chance(800) else {
            return note("\(clients[late.client].name) \(name(late.request)): lost after all")
        }
        let result = apply(late.call)
        note("\(clients[late.client].name) \(name(late.request)): late, \(name(result))")
    }

    /// Suspends a process. What it has sent takes effect now or is sent when it goes on.
    /// - Returns: whether there was one.
    mutating func pauseOne() -> Bool {
        // In the middle of work: who only waits for the next piece of work is not hurt.
        let candidates = clients.indices.filter { index in
            clients[index].pausedUntil == nil && clients[index].mayCrash && !clients[index].isCrashed
                && calls.contains { $0.client == index }
        }
        guard !candidates.isEmpty else { return false }
        let client = dice.pick(candidates)
        let isLong = !clients[client].wasAway && dice.chance(300)
        if isLong { clients[client].wasAway = true }
        let minutes = isLong ? dice.number(in: 60...660) : dice.number(in: 0...14)
        let length = Int64(minutes * 60 + dice.number(in: 1...59)) * 1_000_000_000
        clients[client].pausedUntil = now + length
        if clients[client].clockStops { clients[client].lost += length }
        note("\(clients[client].name) is suspended for \(minutes) min")
        for index in calls.indices where calls[index].client == client && calls[index].result == nil {
            guard dice.chance(500) else { continue }
            let call = calls[index]
            let result = apply(call)
            calls[index].result = result
            note("\(clients[client].name) \(name(call.request)): \(name(result)), the answer has to wait")
        }
        return true
    }

    /// Ends a process in the middle of what it waits for.
    /// - Returns: whether there was one.
    mutating func crashOne() -> Bool {
        let candidates = clients.indices.filter { clients[$0].mayCrash && isWaiting($0) }
        guard !candidates.isEmpty else { return false }
        crash(dice.pick(candidates))
        return true
    }

    mutating func crash(_ client: Int) {
        crashesLeft -= 1
        clients[client].isCrashed = true
        clients[client].pausedUntil = nil
        note("\(clients[client].name) crashes")
        for call in calls where call.client == client && call.result == nil {
            switch dice.number(in: 0...2) {
            case 0: break
            case 1:
                let result = apply(call)
                if call.request.isWrite {
                    note("\(clients[client].name) \(name(call.request)): \(name(result)) unseen")
                }
            default: writeLater(call)
            }
        }
        // Their tasks wait until the world is torn down.
        abandoned += calls.filter { $0.client == client }
        calls.removeAll { $0.client == client }
    }

    mutating func writeLater(_ call: ParkedCall) {
        guard call.request.isWrite else { return }
        lateWrites.append(LateWrite(call: call))
    }

    private func isWaiting(_ client: Int) -> Bool {
        guard !clients[client].isCrashed, !clients[client].isDone else { return false }
        return calls.contains { $0.client == client } || sleepers.contains { $0.client == client }
    }
}
