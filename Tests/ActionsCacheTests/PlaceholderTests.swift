import Testing
@testable import ActionsCache

@Suite struct PlaceholderTests {}
