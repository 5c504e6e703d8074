/// The answer of `AssumeRole` or `AssumeRoleWithWebIdentity` (AWS STS API Reference).
struct AssumedRole: ResponseDocument {
    static let roots = ["AssumeRoleResponse", "AssumeRoleWithWebIdentityResponse"]

    let credentials: Credentials
    let arn: String?
    let assumedRoleID: String?
    let subject: String?
    let audience: String?
    let identityProvider: String?

    init(_ root: XMLElement, of response: ServiceResponse) throws(UnreadableAnswer) {
        guard let result = root.children.first(where: { $0.name.hasPrefix("AssumeRole") }),
            let element = result.first("Credentials")
        else { throw UnreadableAnswer("it has no <Credentials>") }
        credentials = try Credentials(element)
        let user = result.first("AssumedRoleUser")
        arn = user?.string("Arn")
        assumedRoleID = user?.string("AssumedRoleId")
        subject = result.string("SubjectFromWebIdentityToken")
        audience = result.string("Audience")
        identityProvider = result.string("Provider")
    }
}

extension Credentials {
    /// Temporary credentials as STS sends them: complete, or an error.
    fileprivate init(_ element: XMLElement) throws(UnreadableAnswer) {
        let expiration = try element.required("Expiration")
        guard let date = serverTime(expiration) else { throw UnreadableAnswer("the <Expiration> is not a time") }
        self.init(
            accessKeyID: try element.required("AccessKeyId"),
            secretAccessKey: try element.required("SecretAccessKey"),
            sessionToken: try element.required("SessionToken"), expiration: date, provider: "STS")
        if accessKeyID.isEmpty || secretAccessKey.isEmpty { throw UnreadableAnswer("the <Credentials> are empty") }
    }
}
