import FileIO
import NIOCore
import Repository
import Testing

@Suite("Digests") struct DigestTests {
    @Test("are read back from their hex digits, and from nothing else")
    func hexadecimal() throws {
        let digest = Digest(of: ByteBuffer(string: "abc"))
        #expect(digest.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest(hex: digest.hexadecimal) == digest)
        #expect(Digest(hex: digest.hexadecimal.uppercased()) == nil)
        #expect(Digest(hex: digest.hexadecimal.dropLast()) == nil)
        #expect(Digest(bytes: digest.bytes) == digest)
        #expect(Digest(bytes: digest.bytes.dropLast()) == nil)
    }
}
