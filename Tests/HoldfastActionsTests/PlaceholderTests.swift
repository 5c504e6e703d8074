import Testing
@testable import HoldfastActions

@Suite struct PlaceholderTests {}
