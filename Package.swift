// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioLocks = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
    name: "holdfast",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "holdfast", targets: ["HoldfastCommand"]),
        .library(name: "Holdfast", targets: ["Holdfast"]),
        .library(name: "ObjectStore", targets: ["ObjectStore"]),
        .library(name: "S3Store", targets: ["S3Store"]),
        .library(name: "ActionsCache", targets: ["ActionsCache"]),
        // Only tests load it, into the command that they run.
        .library(name: "WrongClock", type: .dynamic, targets: ["WrongClock"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "HoldfastCommand",
            dependencies: [
                "ActionsCache", "AgentFiles", "Basics", "CFileIO", "CYAML", "FileIO", "HTTPProxies",
                "Holdfast", "HoldfastActions", "HoldfastLogging", "HoldfastService", "ObjectStore", "Repository",
                "S3Store", log, nioCore, nioLocks, subprocess,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "HoldfastActions", dependencies: ["Basics", "FileIO", nioCore]),
        .target(
            name: "HoldfastService",
            dependencies: [
                "AgentDatabase", "AgentFiles", "Agents", "Basics", "FileIO", "Holdfast", "ObjectStore", "Repository",
                crypto, log, nioCore, nioLocks, nioPosix,
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "Holdfast",
            dependencies: [
                "ActionsCache", "AgentDatabase", "AgentFiles", "Agents", "Basics", "FileIO", "HTTPProxies",
                "ObjectStore", "Repository", "S3Store", crypto, log, nioCore, nioLocks, nioPosix,
            ]),
        .target(
            name: "ActionsCache",
            dependencies: [
                "Basics", "FileIO", "HTTPProxies", crypto, log, nioCore, nioLocks, nioPosix, subprocess,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .target(
            name: "Repository",
            dependencies: ["Basics", "CZstd", "FileIO", "ObjectStore", crypto, log, nioCore, nioLocks]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "Agents", dependencies: ["AgentDatabase", "FileIO", nioCore]),
        .target(name: "AgentDatabase", dependencies: ["Basics", "CSQLite", "FileIO", nioCore, nioLocks]),
        .target(name: "AgentFiles", dependencies: ["Basics", "FileIO", crypto, nioCore, nioLocks]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(
            name: "S3Store",
            dependencies: [
                "Basics", "FileIO", "HTTPProxies", "ObjectStore", crypto, log, nioCore, nioPosix, nioLocks, subprocess,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .target(
            name: "HTTPProxies",
            dependencies: ["Basics", nioCore, .product(name: "AsyncHTTPClient", package: "async-http-client")]),
        .target(name: "ObjectStore", dependencies: ["Basics", "FileIO", nioCore, nioLocks]),
        .target(name: "FileIO", dependencies: ["Basics", "CFileIO", crypto, nioCore, nioPosix]),
        .target(name: "CFileIO"),
        .target(name: "Basics"),
        .target(name: "HoldfastLogging", dependencies: ["FileIO", log, nioLocks]),

        .target(
            name: "TestSupport",
            dependencies: [
                "FileIO", nioCore, nioPosix, nioLocks, subprocess, crypto,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/TestSupport"),
        .testTarget(name: "BasicsTests", dependencies: ["Basics", nioLocks]),
        .testTarget(
            name: "ObjectStoreTests",
            dependencies: ["Basics", "FileIO", "ObjectStore", "TestSupport", nioCore, nioLocks]),
        .target(
            name: "Simulation",
            dependencies: ["FileIO", "ObjectStore", "Repository", "TestSupport", log, nioCore, nioLocks],
            path: "Tests/Simulation"),
        .executableTarget(name: "simulate", dependencies: ["Simulation"], path: "Tests/Simulate"),
        .target(
            name: "Model",
            dependencies: [
                "CSQLite", "ObjectStore", "S3Store", "TestSupport", log, nioCore, nioLocks, nioPosix, subprocess,
            ],
            path: "Tests/Model"),
        .target(name: "WrongClock", path: "Tests/WrongClock"),
        .testTarget(name: "ModelTests", dependencies: ["HoldfastCommand", "Model"]),
        .executableTarget(name: "model", dependencies: ["Model"], path: "Tests/ModelRun"),
        .testTarget(
            name: "RepositoryTests",
            dependencies: [
                "Basics", "FileIO", "ObjectStore", "Repository", "Simulation", "TestSupport", crypto, log, nioCore,
                nioLocks,
            ]),
        .testTarget(
            name: "AgentsTests", dependencies: ["AgentDatabase", "Agents", "FileIO", "TestSupport", nioCore]),
        .testTarget(
            name: "AgentDatabaseTests",
            dependencies: ["AgentDatabase", "Basics", "FileIO", "TestSupport", nioCore, nioLocks]),
        .testTarget(
            name: "AgentFilesTests",
            dependencies: ["AgentFiles", "Basics", "FileIO", "TestSupport", crypto, nioCore, nioLocks]),
        .testTarget(
            name: "HTTPProxiesTests",
            dependencies: ["HTTPProxies", .product(name: "AsyncHTTPClient", package: "async-http-client")]),
        .testTarget(name: "HoldfastLoggingTests", dependencies: ["HoldfastLogging", log, nioLocks]),
        .testTarget(
            name: "HoldfastTests",
            dependencies: [
                "ActionsCache", "AgentDatabase", "AgentFiles", "Agents", "Basics", "FileIO", "Holdfast", "ObjectStore",
                "Repository", "S3Store", "TestSupport", log, nioCore, nioLocks,
            ]),
        .testTarget(
            name: "ActionsCacheTests",
            dependencies: [
                "ActionsCache", "FileIO", "TestSupport", crypto, log, nioCore, nioLocks, nioPosix, subprocess,
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .testTarget(name: "HoldfastActionsTests", dependencies: ["HoldfastActions", "TestSupport", nioLocks]),
        .testTarget(
            name: "HoldfastServiceTests",
            dependencies: [
                "AgentDatabase", "AgentFiles", "Basics", "FileIO", "Holdfast", "HoldfastService", "ObjectStore",
                "Repository", "TestSupport", log, nioCore, nioLocks,
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport", subprocess]),
        .testTarget(
            name: "HoldfastCommandTests",
            dependencies: [
                "ActionsCache", "AgentDatabase", "AgentFiles", "Basics", "CZstd", "FileIO", "Holdfast",
                "HoldfastActions", "HoldfastCommand", "HoldfastService", "ObjectStore", "Repository", "S3Store",
                "TestSupport", crypto, log, nioCore, subprocess,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["Snapshots"]),
        .testTarget(
            name: "StoreConformanceTests",
            dependencies: ["Basics", "FileIO", "ObjectStore", "S3Store", "TestSupport", log, nioCore]),
        .testTarget(
            name: "S3StoreTests",
            dependencies: [
                "Basics", "HTTPProxies", "ObjectStore", "S3Store", "TestSupport", crypto, log, nioCore, nioLocks,
                nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + strict
}
