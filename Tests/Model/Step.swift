/// One thing that happens in a scenario, to be printed on one line and read back.
package enum Step: Sendable, Equatable {
    /// An agent or a user changes what is on a machine.
    case edit(Int, Edit)
    /// A command runs on a machine.
    case command(Int, Verb)
    /// A command is killed with SIGKILL after so many percent of the time that it usually takes.
    case kill(Int, Verb, percent: Int)
    /// Two machines push at the same moment.
    case both(Int, Int)
    /// From now on the clock of a machine is wrong by so many seconds.
    case clock(Int, seconds: Int)
    /// A pack or a commit is damaged in the store.
    case damage(Damage, object: Int)
    /// From now on the store refuses requests.
    case refuse(Refusal)
    /// The store works again.
    case allow

    package enum Edit: Sendable, Equatable {
        /// Writes a file, with a time that many seconds from now.
        case write(file: Int, time: Int)
        case remove(file: Int)
        case touch(file: Int, time: Int)
        /// Starts a session with so many messages.
        case start(messages: Int)
        /// Adds a message to a session, with a time that many seconds from now.
        case say(session: Int, time: Int)
        case retitle(session: Int, time: Int)
        case drop(session: Int)
        /// A newer version of the agent migrates the database.
        case upgrade
        /// What Holdfast remembers of this machine is lost.
        case forget
        /// The disk is lost, with all that was on it.
        case lose
    }

    package enum Verb: Sendable, Equatable {
        case push
        /// A push that leaves the mirror view alone.
        case pushBare
        case save
        case pull, merge, force
        case restore
        /// Follows the memory of the other identity for a moment.
        case follow
        /// Watches for a moment, while the agent writes.
        case watch
        case rollback(back: Int)
        case prune(keep: Int)
    }

    package enum Damage: String, Sendable, CaseIterable {
        case losePack = "lose-pack"
        case cutPack = "cut-pack"
        case flipPack = "flip-pack"
        case loseCommit = "lose-commit"
        case flipCommit = "flip-commit"
    }

    /// Requests that are refused: a method, a part of the key, the status of the answer. An embedded store, which has
    /// permissions in place of them, knows no status.
    package struct Refusal: Sendable, Equatable {
        package var method: String
        package var part: String
        package var status: Int
    }

    /// The machines that the step needs.
    package var machines: [Int] {
        switch self {
        case .edit(let machine, _), .command(let machine, _), .kill(let machine, _, _): [machine]
        case .both(let first, let second): [first, second]
        case .clock(let machine, _): [machine]
        case .damage, .refuse, .allow: []
        }
    }
}

extension Step: CustomStringConvertible {
    package var description: String {
        switch self {
        case .edit(let machine, let edit): "\(machine) \(edit.words)"
        case .command(let machine, let verb): "\(machine) \(verb.words)"
        case .kill(let machine, let verb, let percent): "\(machine) kill \(percent) \(verb.words)"
        case .both(let first, let second): "\(first) both \(second)"
        case .clock(let machine, let seconds): "\(machine) clock \(seconds)"
        case .damage(let damage, let object): "damage \(damage.rawValue) \(object)"
        case .refuse(let refusal): "refuse \(refusal.method) \(refusal.part) \(refusal.status)"
        case .allow: "allow"
        }
    }

    /// Reads a line back; `nil` if it is none.
    package init?(_ line: some StringProtocol) {
        let words = String(line).split(separator: " ").map(String.init)
        guard let first = words.first else { return nil }
        let rest = Array(words.dropFirst())
        if let machine = Int(first) {
            self.init(machine, rest)
            return
        }
        switch (first, rest.count) {
        case ("allow", 0): self = .allow
        case ("damage", 2):
            guard let damage = Damage(rawValue: rest[0]), let object = Int(rest[1]) else { return nil }
            self = .damage(damage, object: object)
        case ("refuse", 3):
            guard let status = Int(rest[2]) else { return nil }
            self = .refuse(Refusal(method: rest[0], part: rest[1], status: status))
        default: return nil
        }
    }

    private init?(_ machine: Int, _ words: [String]) {
        if words.count == 2, words[0] == "both", let other = Int(words[1]) {
            self = .both(machine, other)
        } else if words.count == 2, words[0] == "clock", let seconds = Int(words[1]) {
            self = .clock(machine, seconds: seconds)
        } else if words.count > 2, words[0] == "kill", let percent = Int(words[1]) {
            guard let verb = Verb(words.dropFirst(2)) else { return nil }
            self = .kill(machine, verb, percent: percent)
        } else if let edit = Edit(words[...]) {
            self = .edit(machine, edit)
        } else if let verb = Verb(words[...]) {
            self = .command(machine, verb)
        } else {
            return nil
        }
    }
}

extension Step.Edit {
    fileprivate var words: String {
        switch self {
        case .write(let file, let time): "write \(file) \(time)"
        case .remove(let file): "remove \(file)"
        case .touch(let file, let time): "touch \(file) \(time)"
        case .start(let messages): "start \(messages)"
        case .say(let session, let time): "say \(session) \(time)"
        case .retitle(let session, let time): "retitle \(session) \(time)"
        case .drop(let session): "drop \(session)"
        case .upgrade: "upgrade"
        case .forget: "forget"
        case .lose: "lose"
        }
    }

    fileprivate init?(_ words: ArraySlice<String>) {
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard let name = words.first, numbers.count == words.count - 1 else { return nil }
        switch (name, numbers.count) {
        case ("write", 2): self = .write(file: numbers[0], time: numbers[1])
        case ("remove", 1): self = .remove(file: numbers[0])
        case ("touch", 2): self = .touch(file: numbers[0], time: numbers[1])
        case ("start", 1): self = .start(messages: numbers[0])
        case ("say", 2): self = .say(session: numbers[0], time: numbers[1])
        case ("retitle", 2): self = .retitle(session: numbers[0], time: numbers[1])
        case ("drop", 1): self = .drop(session: numbers[0])
        case ("upgrade", 0): self = .upgrade
        case ("forget", 0): self = .forget
        case ("lose", 0): self = .lose
        default: return nil
        }
    }
}

extension Step.Verb {
    package var words: String {
        switch self {
        case .push: "push"
        case .pushBare: "push-bare"
        case .save: "save"
        case .pull: "pull"
        case .merge: "merge"
        case .force: "force"
        case .restore: "restore"
        case .follow: "follow"
        case .watch: "watch"
        case .rollback(let back): "rollback \(back)"
        case .prune(let keep): "prune \(keep)"
        }
    }

    fileprivate init?(_ words: ArraySlice<String>) {
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard let name = words.first, numbers.count == words.count - 1 else { return nil }
        switch (name, numbers.count) {
        case ("push", 0): self = .push
        case ("push-bare", 0): self = .pushBare
        case ("save", 0): self = .save
        case ("pull", 0): self = .pull
        case ("merge", 0): self = .merge
        case ("force", 0): self = .force
        case ("restore", 0): self = .restore
        case ("follow", 0): self = .follow
        case ("watch", 0): self = .watch
        case ("rollback", 1): self = .rollback(back: numbers[0])
        case ("prune", 1): self = .prune(keep: numbers[0])
        default: return nil
        }
    }

    /// The arguments of the command.
    var arguments: [String] {
        switch self {
        case .push: ["push", "--json"]
        case .pushBare: ["push", "--json", "--no-mirror"]
        case .save: ["save", "--json"]
        case .pull: ["pull", "--json"]
        case .merge: ["pull", "--json", "--merge"]
        case .force: ["pull", "--json", "--force"]
        case .restore: ["restore", "--json"]
        case .follow, .watch: ["watch", "--json"]
        case .rollback(let back): ["rollback", "latest~\(back)", "--json"]
        case .prune(let keep):
            ["prune", "--json", "--keep-last", "\(keep)", "--keep-within", "0s", "--grace", "0s"]
        }
    }
}
