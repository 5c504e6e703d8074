/// A partition of AWS: a set of regions with a domain of its own.
struct Partition: Sendable, Equatable {
    let name: String
    /// The domain under which its services are found.
    let domain: String
    /// The words with which the names of its regions begin.
    private let prefixes: [[String]]

    /// The partition of a region. A region that fits none is taken for a new one of the main partition, as the
    /// AWS SDKs do.
    init(region: String) {
        let words = region.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        self = Self.all.first { $0.contains(region: region, words: words) } ?? Self.main
    }

    private init(_ name: String, _ domain: String, _ prefixes: [[String]]) {
        self.name = name
        self.domain = domain
        self.prefixes = prefixes
    }

    /// A region is a prefix, one word and a number, as `us-gov` `west` `1`; `aws-cn-global` stands for a whole
    /// partition.
    private func contains(region: String, words: [String]) -> Bool {
        if region == name + "-global" { return true }
        return prefixes.contains { prefix in
            words.count == prefix.count + 2 && words.starts(with: prefix) && !words[prefix.count].isEmpty
                && !words[prefix.count + 1].isEmpty && words[prefix.count + 1].utf8.allSatisfy(HostLabel.isDigit)
        }
    }

    private static let main = Partition(
        "aws", "amazonaws.com", ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"].map { [$0] })

    private static let all = [
        main,
        Partition("aws-cn", "amazonaws.com.cn", [["cn"]]),
        Partition("aws-eusc", "amazonaws.eu", [["eusc", "de"]]),
        Partition("aws-iso", "c2s.ic.gov", [["us", "iso"]]),
        Partition("aws-iso-b", "sc2s.sgov.gov", [["us", "isob"]]),
        Partition("aws-iso-e", "cloud.adc-e.uk", [["eu", "isoe"]]),
        Partition("aws-iso-f", "csp.hci.ic.gov", [["us", "isof"]]),
        Partition("aws-us-gov", "amazonaws.com", [["us", "gov"]]),
    ]
}
