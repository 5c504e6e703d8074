/// The smallest thing that can be changed, lost or kept by itself.
package enum Unit: Hashable, Sendable, Comparable {
    case file(String)
    /// The row of a session; its content is the title.
    case session(String)
    case message(session: String, id: String)
    /// A row under a number that SQLite gave, known by its text.
    case prompt(session: String, text: String)

    /// The session that the unit belongs to.
    var session: String? {
        switch self {
        case .file: nil
        case .session(let id), .message(let id, _), .prompt(let id, _): id
        }
    }

    var kind: String {
        switch self {
        case .file: "file"
        case .session: "session"
        case .message: "message"
        case .prompt: "prompt"
        }
    }

    var isFile: Bool { session == nil }
}

extension Unit: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let path): "file '\(path)'"
        case .session(let id): "session \(id)"
        case .message(let session, let id): "message \(id) of session \(session)"
        case .prompt(let session, let text): "prompt '\(text)' of session \(session)"
        }
    }
}

/// What a machine or a snapshot holds: the content of each unit that is there.
package typealias Contents = [Unit: String]

/// One change of a unit, as it was made on one machine.
struct Event {
    let unit: Unit
    /// `nil` if the unit was deleted.
    let content: String?
    /// All changes of the unit that the machine knew: what this one replaces.
    let before: Set<Int>
    /// All changes of the session's own row that the machine knew, where the unit belongs to a session.
    let row: Set<Int>
}

/// All changes that were ever made, and which of them replaces which.
///
/// A machine and a snapshot each *know* a set of changes. What they may hold follows from it: of each unit one of the latest
/// versions, which are those that no other known change replaces. There are several only where machines changed a unit
/// without knowing of each other.
struct Truth {
    private(set) var events: [Event] = []
    private var ofUnit: [Unit: [Int]] = [:]

    /// Notes a change by somebody who knows `known`, and now knows this one too.
    mutating func change(_ unit: Unit, to content: String?, known: inout Set<Int>) {
        func changes(_ unit: Unit) -> Set<Int> { Set(ofUnit[unit, default: []].filter(known.contains)) }
        let event = Event(
            unit: unit, content: content, before: changes(unit),
            row: unit.session.map { changes(.session($0)) } ?? [])
        known.insert(events.count)
        ofUnit[unit, default: []].append(events.count)
        events.append(event)
    }

    /// The numbers of the latest changes of a unit among those that are known.
    func latest(_ unit: Unit, in known: Set<Int>) -> [Int] {
        let here = ofUnit[unit, default: []].filter(known.contains)
        return here.filter { number in !here.contains { events[$0].before.contains(number) } }
    }

    /// The versions that may be there; `nil` among them stands for a deleted unit. Empty if nothing is known of it.
    func versions(_ unit: Unit, in known: Set<Int>) -> Set<String?> {
        Set(latest(unit, in: known).map { events[$0].content })
    }

    /// Whether somebody deleted the session of a unit, and somebody else went on with it without knowing of that: how much
    /// of its past is there afterwards is not prescribed. What was written by somebody who knew both is.
    func isDisputed(_ unit: Unit, in known: Set<Int>) -> Bool {
        guard let id = unit.session, unit != .session(id) else { return false }
        let row = ofUnit[.session(id), default: []].filter(known.contains)
        return latest(unit, in: known).contains { number in
            let event = events[number]
            guard event.content == nil else {
                return row.contains { events[$0].content == nil && !event.row.contains($0) }
            }
            return row.contains { other in
                events[other].content != nil && !event.row.contains(other)
                    && events[other].before.isDisjoint(with: event.row.filter { events[$0].content == nil })
            }
        }
    }

    func units(in known: Set<Int>) -> Set<Unit> { Set(known.map { events[$0].unit }) }

    /// Whether a version was once that of a unit.
    /// - Parameter known: the changes that are looked at; `nil` for all.
    func isVersion(_ content: String, of unit: Unit, in known: Set<Int>? = nil) -> Bool {
        ofUnit[unit, default: []].contains { events[$0].content == content && known?.contains($0) != false }
    }

    /// Where the contents are not one of those that the known changes allow.
    func faults(_ contents: Contents, known: Set<Int>) -> [Fault] {
        units(in: known).union(contents.keys).sorted().compactMap { unit in
            let allowed = versions(unit, in: known)
            let content = contents[unit]
            if allowed.contains(content) || (allowed.isEmpty && content == nil) { return nil }
            if content.map({ isVersion($0, of: unit) }) ?? true, isDisputed(unit, in: known) { return nil }
            guard let content else { return Fault(unit: unit, kind: .lost, content: nil, allowed: allowed) }
            if allowed.isEmpty { return Fault(unit: unit, kind: .unknown, content: content, allowed: allowed) }
            let kind: Fault.Kind =
                !isVersion(content, of: unit) ? .unknown : allowed == [nil] ? .revived : .outdated
            return Fault(unit: unit, kind: kind, content: content, allowed: allowed)
        }
    }

    /// A unit that is not as it must be.
    struct Fault {
        enum Kind { case lost, revived, outdated, unknown }
        let unit: Unit
        let kind: Kind
        let content: String?
        let allowed: Set<String?>

        var words: String {
            let must = allowed.map { $0.map { "'\($0)'" } ?? "deleted" }.sorted().joined(separator: " or ")
            return "\(unit) is \(content.map { "'\($0)'" } ?? "missing") and must be \(must.isEmpty ? "absent" : must)"
        }
    }
}
