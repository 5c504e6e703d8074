import Basics
import FoundationEssentials
import HTTPProxies
import ObjectStore
import S3Store

extension Doctor {
    /// Beyond this, in seconds, stores refuse requests (Amazon S3 User Guide, `RequestTimeTooSkewed`).
    private static let largestSkew = 15.0 * 60
    /// From here on, in seconds, a clock is worth a word.
    private static let notableSkew = 60.0
    /// Credentials that end sooner, in seconds, may end within a run.
    private static let shortLife = 15.0 * 60

    /// Credentials, endpoint, clock, bucket.
    func contactFindings() async throws -> [Finding] {
        guard let s3, let credentials else { return [] }
        var found: [Finding] = []
        do {
            found.append(Self.finding(try await credentials.current()))
            let contact = try await reached(s3)
            found.append(Self.endpointFinding(contact))
            found.append(Self.clockFinding(contact.clockAhead))
            found.append(await bucketFinding(s3, contact))
        } catch {
            try unlessCancelled(error)
            found.append(Finding(found.isEmpty ? .credentials : .endpoint, failed: error))
        }
        return found
    }

    /// One more attempt, for a connection may break by chance.
    private func reached(_ s3: S3Store) async throws -> S3Contact {
        do { return try await s3.contact() } catch {
            guard error.kind == .unreachable, !Task.isCancelled else { throw error }
            return try await s3.contact()
        }
    }

    static func finding(_ credentials: Credentials, now: Date = Date()) -> Finding {
        let name = "…\(credentials.accessKeyID.suffix(4)) from \(credentials.provider)"
        guard let end = credentials.expiration else { return Finding(.credentials, .ok, "\(name), without an end") }
        let left = end.timeIntervalSince(now)
        let text = "\(name), valid for \(Int(left / 60)) more minutes"
        guard left < shortLife, left > 0 else { return Finding(.credentials, left > 0 ? .ok : .problem, text) }
        return Finding(
            .credentials, .warning, text,
            fix: "Make sure that they can be renewed (a role, credential_process), or take a longer session.")
    }

    static func endpointFinding(_ contact: S3Contact) -> Finding {
        let way = contact.proxy.map { " through the proxy \($0) (\($0.variable))" } ?? ""
        if contact.address.hasPrefix("https://") {
            return Finding(.endpoint, .ok, "\(contact.address) answers, by TLS\(way)")
        }
        let host = contact.address.dropFirst("http://".count)
        if host.hasPrefix("127.") || host.hasPrefix("localhost") || host.hasPrefix("[::1]") {
            return Finding(.endpoint, .ok, "\(contact.address) answers, on this machine")
        }
        return Finding(
            .endpoint, .warning,
            "\(contact.address) answers\(way), without TLS: whoever sits on the way can read the memory",
            fix: "Use an https endpoint.")
    }

    static func clockFinding(_ ahead: Double?) -> Finding {
        guard let ahead else { return Finding(.clock, .skipped, "the store does not tell its time") }
        let seconds = Int(abs(ahead))
        guard abs(ahead) >= notableSkew else { return Finding(.clock, .ok, "within a minute of the store's") }
        let text = "\(seconds) s \(ahead > 0 ? "behind" : "ahead of") the store's"
        return abs(ahead) < largestSkew
            ? Finding(.clock, .warning, text, fix: "Set the clock of this machine, best by NTP.", code: .clockSkew)
            : Finding(
                .clock, .problem, "\(text); stores refuse what is signed more than 15 minutes off",
                fix: "Set the clock of this machine, best by NTP.", code: .clockSkew)
    }

    /// A listing tells a missing bucket, a wrong secret and a missing right apart, which an answer to HEAD does not.
    private func bucketFinding(_ s3: S3Store, _ contact: S3Contact) async -> Finding {
        do {
            _ = try await s3.page(prefix: "\(memory.location.key)/commits/", after: nil, limit: 1)
        } catch {
            // A missing right is found, and named, with the others.
            if error.kind != .denied {
                return Finding(error.kind == .unauthenticated ? .credentials : .bucket, failed: error)
            }
        }
        if let region = contact.region, region != contact.signedRegion, contact.address.contains(contact.signedRegion) {
            return Finding(
                .bucket, .warning, "is in \(region), and the region is set to \(contact.signedRegion)",
                fix: "Use --region \(region): without it each command asks twice.", code: .wrongRegion)
        }
        return Finding(.bucket, .ok, s3.location + (contact.region.map { ", in \($0)" } ?? ""))
    }
}
