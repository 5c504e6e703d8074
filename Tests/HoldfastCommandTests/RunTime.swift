import TestSupport

/// How long a command takes when nothing disturbs it, from which the moments to kill it are drawn.
struct RunTime {
    private var times: [Duration] = []
    private var runs = 0

    /// Whether the next undisturbed run is to be one of the command: the first three, and then one of four.
    mutating func isToBeMeasured() -> Bool {
        runs += 1
        return runs <= 3 || runs.isMultiple(of: 4)
    }

    mutating func add(_ time: Duration) {
        times.append(time)
        if times.count > 5 { times.removeFirst() }
    }

    /// A moment of a run, each as likely as any other: from its start to a little after its end.
    func moment(_ random: inout SeededGenerator) -> Duration {
        let mean = times.reduce(.zero, +) / max(times.count, 1)
        return max(.microseconds(1), mean * Double.random(in: 0...1.1, using: &random))
    }
}
