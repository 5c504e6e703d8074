import Basics
import Repository
import Testing

@Suite("Repository errors")
struct RepositoryErrorTests {
    @Test("Each kind is a failure code of the same name", arguments: RepositoryError.Kind.allCases)
    func codes(_ kind: RepositoryError.Kind) {
        #expect(kind.code.rawValue == kind.rawValue)
    }
}
