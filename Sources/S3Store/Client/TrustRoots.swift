import FileIO
import NIOSSL
import ObjectStore

extension S3Configuration {
    /// Reads ``trustRoots``.
    /// - Throws: ``StoreError`` of kind `invalid` if the file holds no certificates that can be used.
    func certificates() async throws(StoreError) -> [NIOSSLCertificate]? {
        guard let path = trustRoots else { return nil }
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try await FileIO.run { try NIOSSLCertificate.fromPEMFile(path) }
        } catch {
            throw unusable(path, "it is missing, unreadable or no PEM file")
        }
        guard !certificates.isEmpty else { throw unusable(path, "there is none in it") }
        return certificates
    }

    private func unusable(_ path: String, _ reason: String) -> StoreError {
        StoreError(
            .invalid, "read", "the certificates in '\(printable(path.utf8))' cannot be used: \(reason)",
            hint: "Set AWS_CA_BUNDLE to a PEM file, or unset it.")
    }
}
