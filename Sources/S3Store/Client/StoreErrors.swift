import ObjectStore

extension S3Call {
    var objectKey: ObjectKey? { key.map { ObjectKey($0) } }

    /// What the call does, in a message: "cannot … 'key'".
    var verb: String {
        switch operation {
        case .getObject: "read"
        case .headObject: "look at"
        case .listObjectsV2, .listObjects: "list"
        case .deleteObject, .deleteObjects: "delete from"
        case .headBucket: "find"
        default: "write"
        }
    }

    /// The right that the call needs (Service Authorization Reference, "Actions … for Amazon S3").
    var requiredAction: String {
        switch operation {
        case .getObject, .headObject: "s3:GetObject"
        case .listObjectsV2, .listObjects, .headBucket: "s3:ListBucket"
        case .deleteObject, .deleteObjects: "s3:DeleteObject"
        case .abortMultipartUpload: "s3:AbortMultipartUpload"
        default: "s3:PutObject"
        }
    }
}

extension RequestSender {
    /// Says in the terms of a store, and for a person, why a call failed.
    func storeError(_ failure: Failure, _ call: S3Call, _ progress: Progress) -> StoreError {
        switch failure {
        case .final(let error): return described(error, call, progress)
        case .transport(let error):
            let address = "\(bucket.endpoint.scheme)://\(bucket.endpoint.authority)"
            let result = StoreError(
                .unreachable, call.verb, key: call.objectKey, "no answer from \(address): \(transportReason(error))",
                hint: isTLSFailure(error)
                    ? "Check the certificate of the endpoint; AWS_CA_BUNDLE names a PEM file with an authority of your own."
                    : "Check --endpoint-url, the network and the store.")
            return described(result, call, progress)
        case .service(let error):
            var result = StoreError(kind(of: error), call.verb, key: call.objectKey, reason(of: error))
            result.hint = hint(result.kind, error, call, progress)
            result.status = error.status
            result.code = error.code
            result.requestID = error.requestID
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

    private func reason(of error: ServiceError) -> String {
        error.message.isEmpty ? "the store answered with status \(error.status)" : String(error.message.prefix(300))
    }

    private func kind(of error: ServiceError) -> StoreError.Kind {
        switch error.code {
        case "NoSuchKey", "NoSuchVersion", "NoSuchUpload": return .notFound
        case "NoSuchBucket": return .noSuchBucket
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
        case "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody": return .corrupt
        default: break
        }
        switch error.status {
        case 200..<300: return .corrupt
        case 301, 302, 307, 308: return .wrongRegion
        case 401: return .unauthenticated
        case 403: return .denied
        case 404: return .notFound
        case 409: return .conflict
        case 412: return .preconditionFailed
        case 413: return .tooLarge
        case 429: return .throttled
        case 501: return .unsupported
        case 503: return .throttled
        case 500...: return .server
        default: return .invalid
        }
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
            let region = progress.regionHeader ?? error.fields["Region"]
            return region.map { "Use --region \($0)." } ?? "Set --region to the region of the bucket."
        case .clockSkew: return "Set the clock of this machine."
        case .throttled: return "Lower --concurrency, or try again later."
        case .server, .corrupt: return "Try again; if it stays, give the request id to the provider."
        default: return nil
        }
    }

    private func denialHint(_ call: S3Call) -> String {
        var hint = "Allow \(call.requiredAction) on arn:aws:s3:::\(bucket.name)"
        if call.requiredAction == "s3:ListBucket" {
            let prefix = call.query.first { $0.name == "prefix" }?.value ?? ""
            hint += prefix.isEmpty ? "." : " for the prefix '\(prefix)'."
            hint += " Without it nobody can tell an empty memory from one that may not be seen."
        } else {
            hint += call.key.map { "/\($0)." } ?? "/*."
        }
        if let owner = bucket.expectedOwner { hint += " The bucket must also belong to account \(owner)." }
        return hint
    }
}
