import Testing
@testable import HoldfastService

@Suite struct PlaceholderTests {}
