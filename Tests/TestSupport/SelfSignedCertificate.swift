import Crypto
import Foundation
import NIOSSL

/// A certificate for `localhost`, `store.test` and 127.0.0.1 with a fresh key, for servers that tests start.
///
/// It is put together here, field by field (X.690 DER, RFC 5280 §4.1), so that no private key lies in the repository
/// and no tool has to be installed.
public struct SelfSignedCertificate: Sendable {
    public let certificate: NIOSSLCertificate
    private let key: NIOSSLPrivateKey

    public init() throws {
        let signer = P256.Signing.PrivateKey()
        let ecdsaWithSHA256 = DER.sequence(DER.oid([0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]))
        let name = DER.sequence(DER.set(DER.sequence(DER.oid([0x55, 0x04, 0x03]), DER.utf8("localhost"))))
        let body = DER.sequence(
            DER.tagged(0xA0, DER.integer([2])),  // version 3
            DER.integer([1] + (0..<15).map { _ in UInt8.random(in: 0...255) }),
            ecdsaWithSHA256, name,
            DER.sequence(
                DER.tagged(0x17, Array("200101000000Z".utf8)), DER.tagged(0x18, Array("21200101000000Z".utf8))),
            name, Array(signer.publicKey.derRepresentation),
            DER.tagged(0xA3, DER.sequence(Self.isAuthority, Self.alternativeNames)))
        let signature = try signer.signature(for: body).derRepresentation
        let whole = DER.sequence(body, ecdsaWithSHA256, DER.tagged(0x03, [0] + signature))
        certificate = try NIOSSLCertificate(bytes: whole, format: .der)
        key = try NIOSSLPrivateKey(bytes: Array(signer.derRepresentation), format: .der)
    }

    /// Basic constraints, critical: a certificate authority, so that clients may take it as a root.
    private static let isAuthority = DER.sequence(
        DER.oid([0x55, 0x1D, 0x13]), DER.tagged(0x01, [0xFF]),
        DER.tagged(0x04, DER.sequence(DER.tagged(0x01, [0xFF]))))

    private static let alternativeNames = DER.sequence(
        DER.oid([0x55, 0x1D, 0x11]),
        DER.tagged(
            0x04,
            DER.sequence(
                DER.tagged(0x82, Array("localhost".utf8)), DER.tagged(0x82, Array("store.test".utf8)),
                DER.tagged(0x87, [127, 0, 0, 1]))))

    /// The certificate as a file of authorities holds it (RFC 7468 §5).
    public var pem: String {
        get throws {
            let text = Data(try certificate.toDERBytes()).base64EncodedString(options: .lineLength64Characters)
            return "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
        }
    }

    func serverConfiguration() -> TLSConfiguration {
        .makeServerConfiguration(certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
    }

    /// A client that trusts this certificate and no other.
    public func clientConfiguration() -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([certificate])
        return configuration
    }
}

private enum DER {
    static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        switch content.count {
        case ..<0x80: [tag, UInt8(content.count)] + content
        case ..<0x100: [tag, 0x81, UInt8(content.count)] + content
        default: [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
        }
    }
    static func sequence(_ parts: [UInt8]...) -> [UInt8] { tagged(0x30, parts.flatMap { $0 }) }
    static func set(_ parts: [UInt8]...) -> [UInt8] { tagged(0x31, parts.flatMap { $0 }) }
    static func integer(_ bytes: [UInt8]) -> [UInt8] { tagged(0x02, bytes) }
    static func oid(_ bytes: [UInt8]) -> [UInt8] { tagged(0x06, bytes) }
    static func utf8(_ text: String) -> [UInt8] { tagged(0x0C, Array(text.utf8)) }
}
