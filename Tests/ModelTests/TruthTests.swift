import Testing

@testable import Model

@Suite("The truth about what machines may hold")
struct TruthTests {
    private static let file = Unit.file("plan.md")
    fileprivate static let row = Unit.session("ses_1")
    fileprivate static let message = Unit.message(session: "ses_1", id: "msg_1")

    /// Somebody who changes units, and gets to know what others changed.
    private struct Author {
        var known: Set<Int> = []

        mutating func write(_ unit: Unit, _ content: String?, _ truth: inout Truth) {
            truth.change(unit, to: content, known: &known)
        }

        mutating func meet(_ other: Author) { known.formUnion(other.known) }
    }

    @Test("A change replaces the changes that its author knew, and no others")
    func versions() {
        var truth = Truth()
        var (one, other) = (Author(), Author())
        one.write(Self.file, "first", &truth)
        #expect(truth.versions(Self.file, in: one.known) == ["first"])
        #expect(truth.versions(Self.file, in: other.known) == [])

        other.meet(one)
        one.write(Self.file, "second", &truth)
        other.write(Self.file, nil, &truth)
        #expect(truth.versions(Self.file, in: one.known) == ["second"])
        #expect(truth.versions(Self.file, in: other.known) == [nil])
        #expect(truth.versions(Self.file, in: one.known.union(other.known)) == ["second", nil])

        one.meet(other)
        one.write(Self.file, "third", &truth)
        #expect(truth.versions(Self.file, in: one.known) == ["third"])
    }

    @Test("A version is that of its own unit")
    func isVersion() {
        var truth = Truth()
        var author = Author()
        author.write(Self.file, "text", &truth)
        #expect(truth.isVersion("text", of: Self.file))
        #expect(!truth.isVersion("text", of: .file("other")))
        #expect(!truth.isVersion("other", of: Self.file))
        #expect(truth.isVersion("text", of: Self.file, in: author.known))
        #expect(!truth.isVersion("text", of: Self.file, in: []))
        #expect(truth.units(in: author.known) == [Self.file])
        #expect(truth.units(in: []) == [])
    }

    @Test("The newest version, or the deletion, is no fault", arguments: ["new", nil])
    func noFault(content: String?) {
        var truth = Truth()
        var author = Author()
        author.write(Self.file, "old", &truth)
        author.write(Self.file, content, &truth)
        let contents = content.map { [Self.file: $0] } ?? [:]
        #expect(truth.faults(contents, known: author.known).isEmpty)
    }

    /// The last change of a unit, what is found of it, and the fault that this is.
    private static let faults: [(last: String?, found: String?, kind: Truth.Fault.Kind)] = [
        ("new", nil, .lost), ("new", "old", .outdated), ("new", "never written", .unknown), (nil, "old", .revived),
    ]

    @Test("What is not the newest version is a fault of its kind", arguments: faults)
    func fault(last: String?, found: String?, kind: Truth.Fault.Kind) throws {
        var truth = Truth()
        var author = Author()
        author.write(Self.file, "old", &truth)
        author.write(Self.file, last, &truth)
        let contents = found.map { [Self.file: $0] } ?? [:]
        let fault = try #require(truth.faults(contents, known: author.known).first)
        #expect(fault.kind == kind)
        #expect(fault.unit == Self.file)
        #expect(fault.content == found)
        #expect(fault.allowed == [last])
    }

    @Test("What nobody knows of must not be there")
    func unheardOf() throws {
        var truth = Truth()
        var author = Author()
        author.write(Self.file, "text", &truth)
        let fault = try #require(truth.faults([Self.file: "text"], known: []).first)
        #expect(fault.kind == .unknown)
        #expect(truth.faults([:], known: []).isEmpty)
    }

    @Test("Of two versions that do not know of each other, each may be there, and one must be")
    func concurrent() {
        var truth = Truth()
        var (one, other) = (Author(), Author())
        one.write(Self.file, "left", &truth)
        other.write(Self.file, "right", &truth)
        let known = one.known.union(other.known)
        #expect(truth.faults([Self.file: "left"], known: known).isEmpty)
        #expect(truth.faults([Self.file: "right"], known: known).isEmpty)
        #expect(truth.faults([:], known: known).map(\.kind) == [.lost])
    }

    /// A session that one deletes while another one goes on with it.
    private struct Dispute {
        var truth = Truth()
        var (one, other) = (Author(), Author())
        let later = Unit.message(session: "ses_1", id: "msg_2")

        init() {
            one.write(TruthTests.row, "title", &truth)
            one.write(TruthTests.message, "hello", &truth)
            other.meet(one)
            one.write(TruthTests.row, nil, &truth)
            one.write(TruthTests.message, nil, &truth)
            other.write(TruthTests.row, "title", &truth)
            other.write(later, "and then", &truth)
        }

        var known: Set<Int> { one.known.union(other.known) }
    }

    @Test("Who knows one side of a dispute must have that side whole")
    func sides() {
        let dispute = Dispute()
        #expect(dispute.truth.faults([Self.message: "hello"], known: dispute.one.known).map(\.kind) == [.revived])
        let kept: Contents = [Self.row: "title", dispute.later: "and then"]
        #expect(dispute.truth.faults(kept, known: dispute.other.known).map(\.unit) == [Self.message])
    }

    @Test(
        "How much comes back of a session that one deletes and another continues is not prescribed",
        arguments: [[], ["msg_1"], ["msg_2"], ["msg_1", "msg_2"]])
    func dispute(messages: [String]) {
        let dispute = Dispute()
        let texts = ["msg_1": "hello", "msg_2": "and then"]
        var contents: Contents = [Self.row: "title"]
        for id in messages { contents[.message(session: "ses_1", id: id)] = texts[id] }
        #expect(dispute.truth.faults(contents, known: dispute.known).isEmpty)
        #expect(dispute.truth.faults([:], known: dispute.known).isEmpty)
    }

    @Test("Nor is it when one that knows only of the continuation, or of both, goes on", arguments: [true, false])
    func afterDispute(knowsBoth: Bool) {
        var dispute = Dispute()
        if knowsBoth { dispute.other.meet(dispute.one) }
        dispute.other.write(Self.row, "new title", &dispute.truth)
        #expect(dispute.truth.faults([Self.row: "new title"], known: dispute.known).isEmpty)
        #expect(
            dispute.truth.faults([Self.row: "new title", Self.message: "hello"], known: dispute.known).isEmpty)
    }

    @Test("What is written after the dispute was settled must be there")
    func settled() {
        var dispute = Dispute()
        let last = Unit.message(session: "ses_1", id: "msg_3")
        dispute.other.meet(dispute.one)
        dispute.other.write(Self.row, "title", &dispute.truth)
        dispute.other.write(last, "at last", &dispute.truth)
        #expect(dispute.truth.faults([Self.row: "title"], known: dispute.known).map(\.unit) == [last])
        #expect(dispute.truth.faults([Self.row: "title", last: "at last"], known: dispute.known).isEmpty)
    }

    @Test("A content that nobody wrote is a fault in a disputed session too")
    func unknownInDispute() {
        let dispute = Dispute()
        let contents: Contents = [Self.row: "title", Self.message: "never written"]
        #expect(dispute.truth.faults(contents, known: dispute.known).map(\.kind) == [.unknown])
    }

    @Test("A deletion by somebody who knew all of a session is no dispute")
    func noDispute() {
        var truth = Truth()
        var (one, other) = (Author(), Author())
        one.write(Self.row, "title", &truth)
        one.write(Self.message, "hello", &truth)
        other.meet(one)
        other.write(Self.row, nil, &truth)
        other.write(Self.message, nil, &truth)
        #expect(!truth.isDisputed(Self.message, in: other.known))
        #expect(truth.faults([Self.message: "hello"], known: other.known).map(\.kind) == [.revived])
        // Somebody begins it again, knowing of the deletion.
        other.write(Self.row, "title", &truth)
        #expect(!truth.isDisputed(Self.message, in: other.known))
    }
}
