extension Redactor {
    /// Whether the value of a field must not be shown because of the field's name.
    ///
    /// A name counts that contains one of ``secretWords``, in any case and with or without `.`, `_` and `-`. The names of
    /// cache keys, object keys and people are exempt: they must stay readable, and their content is looked at anyway.
    public static func isSecretName(_ name: String) -> Bool {
        let bare = name.lowercased().filter { !".-_ ".contains($0) }
        return !exemptNames.contains(bare) && secretWords.contains { bare.contains($0) }
    }

    static let secretWords = [
        "apikey", "auth", "bearer", "cookie", "credential", "key", "passphrase", "passwd", "password", "private",
        "secret", "signature", "token",
    ]

    /// Names without their separators: `object.key` and `objectKey` are one entry.
    static let exemptNames: Set = [
        "author", "authors", "cachekey", "key", "keycount", "keys", "objectkey", "objectkeys", "primarykey",
        "restoredkey", "restorekey", "restorekeys", "s3key", "savekey",
    ]
}
