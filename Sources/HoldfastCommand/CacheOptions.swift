import ArgumentParser

/// What `save` and `restore` take beside the memory.
struct CacheOptions: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Use the Actions cache where there is one. Overrides HOLDFAST_CACHE; the default is to use it.")
    var cache: Bool?
    @Flag(
        inversion: .prefixedNo,
        help: "End with exit code 1 when the store or, without one, the cache fails. Overrides HOLDFAST_STRICT.")
    var strict: Bool?

    /// The options that were given.
    var given: [Setting: String] {
        var flags: [Setting: String] = [:]
        if let cache { flags[.cache] = "\(cache)" }
        if let strict { flags[.strict] = "\(strict)" }
        return flags
    }
}
