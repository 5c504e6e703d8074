import Foundation

/// What agents and users do to a machine.
extension Player {
    /// Changes what is to be done, and what it is a change of.
    struct Work: Sendable {
        var apply: @Sendable () throws -> Void
        var changes: [(unit: Unit, content: String?)] = []
        var changesSomething: Bool = true
    }

    private static let paths = [
        "project/p.json", "session/p/ses_a.json", "session/p/ses_b.json", "message/ses_a/msg_1.json",
        "part/msg_1/prt_1.json", "todo/tödo.json", "session_diff/ses_a.json", "session_diff/ses_b.json", "notes",
        "plans/deep/er/plan.md",
    ]

    func change(_ machine: Int, _ edit: Step.Edit) throws {
        switch edit {
        case .forget:
            try machines[machine].forget()
            past.insert(.forgotten)
            // What is here is all that can be known of what was.
            minds[machine].known = []
            for (unit, content) in try machines[machine].live().contents.sorted(by: { $0.key < $1.key }) {
                truth.change(unit, to: content, known: &minds[machine].known)
            }
            minds[machine].changed = true
            minds[machine].base = nil
        case .lose:
            try machines[machine].lose()
            try machines[machine].setUp()
            minds[machine] = Mind(schema: scenario.machines[machine].schema)
        case .upgrade:
            guard let next = minds[machine].schema?.next, machines[machine].hasDatabase else { return }
            minds[machine].schema = next
            try machines[machine].withDatabase(schema: next) { _ in }
            minds[machine].changed = true
        default:
            guard let work = try work(machine, edit) else { return }
            try work.apply()
            note(work, on: machine)
        }
    }

    func note(_ work: Work, on machine: Int) {
        for change in work.changes { truth.change(change.unit, to: change.content, known: &minds[machine].known) }
        minds[machine].changed = true
    }

    /// Prepares a change of files or rows; `nil` where there is nothing that could be changed.
    func work(_ number: Int, _ edit: Step.Edit) throws -> Work? {
        let machine = machines[number]
        let live = try machine.live()
        let token = "<\(scenario.seed).\(truth.events.count)>"
        let files = live.contents.keys.compactMap { unit -> String? in
            if case .file(let path) = unit { path } else { nil }
        }.sorted()
        switch edit {
        case .write(let file, let time):
            let path = Self.paths[file % Self.paths.count]
            let padding = truth.events.count % 5 == 0 ? String(repeating: "x", count: 5000) : ""
            let content = #"{"text":"\#(token)"}"# + padding
            return Work(
                apply: { try machine.write(path, content, time: time) }, changes: [(.file(path), content)])
        case .remove(let file):
            // Somebody who removes everything would be asked first.
            guard files.count > 1 else { return nil }
            let path = files[file % files.count]
            return Work(apply: { try machine.remove(path) }, changes: [(.file(path), nil)])
        case .touch(let file, let time):
            guard !files.isEmpty else { return nil }
            let path = files[file % files.count]
            return Work(apply: { try machine.touch(path, time: time) })
        default:
            guard let schema = minds[number].schema else { return nil }
            return try rows(machine, schema, live, edit, token)
        }
    }

    private func rows(
        _ machine: AgentMachine, _ schema: Schema, _ live: AgentMachine.Live, _ edit: Step.Edit, _ token: String
    ) throws -> Work? {
        let serial = truth.events.count
        // A newer agent may have been here: the older one is not started again.
        minds[machine.number].schema = max(schema, live.schema ?? schema)
        let schema = max(schema, live.schema ?? schema)
        let sessions = live.contents.keys.compactMap { unit -> String? in
            if case .session(let id) = unit { id } else { nil }
        }.sorted()
        func now(_ offset: Int) -> Int64 {
            Int64((Date().timeIntervalSince1970 + Double(offset + machine.clock)) * 1000)
        }
        func messages(_ count: Int) -> [(id: String, text: String, prompt: String?)] {
            (0..<count).map {
                ("msg_\(serial)_\($0)", "\(token) message \($0)", serial % 2 == 0 ? "\(token) prompt \($0)" : nil)
            }
        }
        func say(_ session: String, _ all: [(id: String, text: String, prompt: String?)]) -> [(Unit, String?)] {
            all.flatMap { message -> [(Unit, String?)] in
                let prompt = message.prompt.map { [(Unit.prompt(session: session, text: $0), Optional($0))] } ?? []
                return [(.message(session: session, id: message.id), message.text)] + prompt
            }
        }
        switch edit {
        case .start(let count):
            let (session, title, time, all) = ("ses_\(serial)", "title \(token)", now(0), messages(count))
            return Work(
                apply: {
                    try machine.withDatabase(schema: schema) { database in
                        try database.start(session, title: title, time: time)
                        for message in all {
                            try database.say(
                                message.id, of: session, text: message.text, prompt: message.prompt, time: time)
                        }
                    }
                }, changes: [(.session(session), title)] + say(session, all))
        case .say(let index, let offset):
            guard !sessions.isEmpty else { return nil }
            let (session, time, all) = (sessions[index % sessions.count], now(offset), messages(1))
            return Work(
                apply: {
                    try machine.withDatabase(schema: schema) { database in
                        for message in all {
                            try database.say(
                                message.id, of: session, text: message.text, prompt: message.prompt, time: time)
                        }
                    }
                }, changes: [(.session(session), live.contents[.session(session)])] + say(session, all))
        case .retitle(let index, let offset):
            guard !sessions.isEmpty else { return nil }
            let (session, title, time) = (sessions[index % sessions.count], "title \(token)", now(offset))
            return Work(
                apply: {
                    try machine.withDatabase(schema: schema) { try $0.retitle(session, title: title, time: time) }
                },
                changes: [(.session(session), title)])
        case .drop(let index):
            guard sessions.count > 1 else { return nil }
            let session = sessions[index % sessions.count]
            return Work(
                apply: { try machine.withDatabase(schema: schema) { try $0.drop(session) } },
                changes: live.contents.keys.filter { $0.session == session }.sorted().map { ($0, nil) })
        default: return nil
        }
    }

    /// Notes whether the database here and the newest one in the store are of different versions.
    func observeSchemas(_ machine: Int) throws {
        let here = machines[machine].hasDatabase ? try machines[machine].rows().schema : nil
        let there = memories[machines[machine].agent]?.tip?.schema
        if here.map({ $0 >= .v2 }) == true || there.map({ $0 >= .v2 }) == true { past.insert(.isSecond) }
        if let here, let there, here != there {
            moment.insert(.schemasDiffer)
            past.insert(.schemasDiffered)
        }
    }
}
