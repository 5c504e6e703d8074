import FoundationEssentials
import Logging
import ObjectStore

extension RequestSender {
    /// Mends what the answer says is wrong here: region, clock, credentials. Each once for a call.
    /// - Returns: whether the call is worth sending again at once.
    func repairs(_ error: ServiceError, _ call: S3Call, _ progress: inout Progress) async throws(StoreError) -> Bool {
        if let region = await redirect(error, call, progress) {
            progress.wasRedirected = true
            if try bucket.move(to: region) {
                logger.warning(
                    "The bucket is in another region",
                    metadata: [
                        "bucket": "\(bucket.name)", "configured": "\(progress.region)", "actual": "\(region)",
                    ])
            }
            return true
        }
        if correctClock(error, &progress) { return true }
        if ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"].contains(error.code),
            !progress.credentialsWereRenewed, let rejected = progress.credentials
        {
            progress.credentialsWereRenewed = true
            await credentials.invalidate(rejected)
            return true
        }
        return false
    }

    private func correctClock(_ error: ServiceError, _ progress: inout Progress) -> Bool {
        let verdict = classifier.judge(FailedAttempt(error, number: progress.number))
        guard verdict.clockSkew != .no, !progress.clockWasCorrected else { return false }
        // Another call may have found out since this one was signed; then it has been said.
        let isNews = abs(clock.now.timeIntervalSince(progress.signed)) < SigningClock.tolerance
        guard clock.correct(serverDate: progress.serverDate, signed: progress.signed) else { return false }
        progress.clockWasCorrected = true
        if isNews {
            logger.warning(
                "The clock of this machine differs from the store's; requests are signed with the store's time",
                metadata: ["serverDate": "\(progress.serverDate ?? "")"])
        }
        return true
    }

    /// - Returns: the region to go to; `nil` to stay.
    private func redirect(_ error: ServiceError, _ call: S3Call, _ progress: Progress) async -> String? {
        let redirect = RegionRedirect(
            error, regionHeader: progress.regionHeader, bucket: bucket.name, alreadyRedirected: progress.wasRedirected)
        let region: String?
        switch redirect {
        case .stay: region = nil
        case .region(let named): region = named
        case .askHeadBucket: region = call.operation == .headBucket ? nil : await askRegion()
        }
        // Compared with the region of this very attempt: another call may have moved the bucket since.
        return region == progress.region ? nil : region
    }

    /// The region that HEAD bucket names, whatever its status.
    private func askRegion() async -> String? {
        var progress = Progress()
        let call = S3Call(.headBucket, "HEAD")
        _ = try? await attempt(call, &progress) { _ in }
        guard case .region(let named) = RegionRedirect(named: progress.regionHeader) else { return nil }
        return named
    }
}
