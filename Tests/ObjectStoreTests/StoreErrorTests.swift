import Basics
import ObjectStore
import Testing

@Suite("Store errors")
struct StoreErrorTests {
    @Test("Each kind is a failure code of the same name", arguments: StoreError.Kind.allCases)
    func codes(_ kind: StoreError.Kind) {
        #expect(kind.code.rawValue == kind.rawValue)
    }

    @Test("A failure says where in the store it happened")
    func place() {
        var error = StoreError(.denied, "read", key: ObjectKey("a/b"), "no", hint: "Ask.")
        error.bucket = "bucket"
        error.requestID = "R1"
        let failure = Failure(error)
        #expect(failure.message == "cannot read 'a/b' in bucket 'bucket': no (request id R1)")
        #expect((failure.code, failure.hint) == (.denied, "Ask."))
        #expect((failure.bucket, failure.key, failure.requestID) == ("bucket", "a/b", "R1"))
    }
}
