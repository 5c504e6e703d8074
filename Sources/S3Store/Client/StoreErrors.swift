import AsyncHTTPClient
import FileIO
import HTTPProxies
import ObjectStore

extension S3Call {
    var objectKey: ObjectKey? { key.map { ObjectKey($0) } }

    /// The call's action in a message: "cannot … 'key'".
    var verb: String {
        switch operation {
        case .getObject: "read"
        case .headObject: "look at"
        case .listObjectsV2, .listObjects: "list"
        case .deleteObject: "delete"
        case .deleteObjects: "delete from"
        case .headBucket: "find"
        default: "write"
        }
    }

    /// The right that the call needs.
    var requiredAction: String { operation.requiredAction?.rawValue ?? "s3:\(operation)" }
}

extension RequestSender {
    /// Says in the terms of a store, and for a person, why a call failed.
    func storeError(_ failure: Failure, _ call: S3Call, _ progress: Progress) -> StoreError {
        switch failure {
        case .final(let error): return described(error, call, progress)
        case .transport(let error): return described(noAnswer(error, call), call, progress)
        case .service(let error):
            var result = StoreError(kind(of: error, progress), call.verb, key: call.objectKey, reason(of: error))
            result.hint = hint(result.kind, error, call, progress)
            result.status = error.status
            // Text from a stranger may end up on a terminal.
            result.code = error.code.map { printable($0, 80) }
            result.requestID = error.requestID.map { printable($0, 100) }
            return described(result, call, progress)
        }
    }

    func described(_ error: StoreError, _ call: S3Call, _ progress: Progress) -> StoreError {
        var error = error
        error.bucket = bucket.name
        error.key = error.key ?? call.objectKey
        error.attempts = progress.number
        return error
    }

    private func noAnswer(_ error: any Error, _ call: S3Call) -> StoreError {
        var address = "\(bucket.endpoint.scheme)://\(bucket.endpoint.authority)"
        let proxy = try? transport.clients.proxy(for: bucket.endpoint.url)
        if let proxy { address += " through the proxy \(proxy)" }
        let reason = transportReason(error)
        if isTLSRefusal(error) {
            return StoreError(
                .unreachable, call.verb, key: call.objectKey, "no answer from \(address): \(reason)",
                hint:
                    "Check the certificate of the endpoint; AWS_CA_BUNDLE names a PEM file with an authority of your own."
            )
        }
        if let proxy, error as? HTTPClientError == .proxyAuthenticationRequired {
            return StoreError(
                .unreachable, call.verb, key: call.objectKey, "no answer from \(address): \(reason)",
                hint: "Write them into \(proxy.variable): http://USER:PASSWORD@HOST:PORT.")
        }
        if case .local = TransportFailure(error) {
            return StoreError(
                .invalid, call.verb, key: call.objectKey, "the request to \(address) cannot be sent: \(reason)",
                hint: "Check the settings; perhaps one of them holds a line break.")
        }
        return StoreError(
            .unreachable, call.verb, key: call.objectKey, "no answer from \(address): \(reason)",
            hint: proxy.map { "Check \($0.variable) and NO_PROXY, the proxy, the network and the store." }
                ?? "Check --endpoint-url, the network and the store.")
    }

    private func reason(of error: ServiceError) -> String {
        error.message.isEmpty ? "the store answered with status \(error.status)" : printable(error.message, 300)
    }

    private func kind(of error: ServiceError, _ progress: Progress) -> StoreError.Kind {
        switch error.code {
        case "NoSuchKey", "NoSuchVersion", "NoSuchUpload": return .notFound
        case "NoSuchBucket": return .noSuchBucket
        case "AuthorizationHeaderMalformed" where actualRegion(error, progress) == nil: return .unauthenticated
        case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "ExpiredTokenException",
            "TokenRefreshRequired", "InvalidSecurity", "UnrecognizedClientException":
            return .unauthenticated
        case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture": return .clockSkew
        case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException":
            return .wrongRegion
        case "PreconditionFailed": return .preconditionFailed
        case "ConditionalRequestConflict", "OperationAborted": return .conflict
        case "EntityTooLarge": return .tooLarge
        case "NotImplemented": return .unsupported
        case "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch",
            "IncompleteBody":
            return .corrupt
        case "SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded":
            return .throttled
        case "RequestTimeout", "RequestTimeoutException": return .unreachable
        case "InvalidObjectState": return .refused
        case .some(let code) where code.hasPrefix("KMS."): return .refused
        // An error that was noticed after the status had been sent.
        case .some where (200..<300).contains(error.status): return .server
        default: return kind(ofStatus: error.status, hasRegion: actualRegion(error, progress) != nil)
        }
    }

    private func kind(ofStatus status: Int, hasRegion: Bool) -> StoreError.Kind {
        switch status {
        case 200..<300: .corrupt
        // Without a region it is not S3 that redirects, but something on the way to it.
        case 300..<400: hasRegion ? .wrongRegion : .invalid
        case 401: .unauthenticated
        case 403: .denied
        case 402, 423, 451: .refused
        case 404: .notFound
        case 408: .unreachable
        case 409: .conflict
        case 412: .preconditionFailed
        case 413: .tooLarge
        case 429, 503: .throttled
        case 501: .unsupported
        case 500...: .server
        default: .invalid
        }
    }

    /// The region that an answer names, if it can be one.
    private func actualRegion(_ error: ServiceError, _ progress: Progress) -> String? {
        guard case .region(let region) = RegionRedirect(named: progress.regionHeader ?? error.fields["Region"]) else {
            return nil
        }
        return region
    }

    private func hint(
        _ kind: StoreError.Kind, _ error: ServiceError, _ call: S3Call, _ progress: Progress
    ) -> String? {
        switch kind {
        case .denied: return denialHint(call)
        case .unauthenticated:
            return error.code?.contains("Token") == true
                ? "The session token is not valid or has expired: get new credentials."
                : "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile; they must belong to this store."
        case .noSuchBucket: return "Create the bucket, or check --store, --region and --endpoint-url."
        case .wrongRegion:
            return actualRegion(error, progress).map { "Use --region \($0)." }
                ?? "Set --region to the region of the bucket."
        case .clockSkew: return "Set the clock of this machine."
        case .throttled: return "Lower --concurrency, or try again later."
        case .server, .corrupt: return "Try again; if it stays, give the request id to the provider."
        case .invalid where (300..<400).contains(error.status):
            return "The endpoint redirects elsewhere; check --endpoint-url, and whether it needs https."
        case .refused where error.code == "InvalidObjectState":
            return "The object is archived; restore it from its storage class first."
        case .refused where error.code?.hasPrefix("KMS.") == true:
            return "Enable the key that encrypts the object, and allow its use."
        case .refused: return "The store holds the object back; ask its provider why."
        default: return nil
        }
    }

    private func denialHint(_ call: S3Call) -> String {
        let name = S3ResourceName(bucket: bucket.name, region: bucket.endpoint.signingRegion)
        let needsList = call.operation.requiredAction == .listBucket
        let resource = needsList ? name.bucket : name.objects(call.key.map { printable($0.utf8) } ?? "*")
        var hint = "Allow \(call.requiredAction) on \(resource)"
        if needsList {
            let prefix = call.query.first { $0.name == "prefix" }?.value ?? ""
            hint += prefix.isEmpty ? "." : " for the prefix '\(printable(prefix.utf8))'."
            hint += " Without it nobody can tell an empty memory from one that may not be seen."
        } else {
            hint += "."
            if call.operation.requiredAction == .getObject {
                hint += " Without s3:ListBucket on the bucket, what does not exist is refused in the same way."
            }
        }
        if let owner = bucket.expectedOwner { hint += " The bucket must also belong to account \(owner)." }
        return hint
    }
}
