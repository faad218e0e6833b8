// swift-tools-version: 6.2
import PackageDescription

/// Optimised even in debug builds: tests run whole models.
let optimized: [SwiftSetting] = [
    .unsafeFlags(["-O"], .when(configuration: .debug)),
    .treatAllWarnings(as: .error),
]

/// Modules that wait for files, people and other processes: optimising them would only make the build longer.
let plain: [SwiftSetting] = [
    .unsafeFlags(["-Onone"], .when(configuration: .release)),
    .treatAllWarnings(as: .error),
]

/// Kernels are always optimised.
let kernels: [CSetting] = [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])]

/// Test targets stay unoptimised, and without warnings as errors: the testing macros expand to code that warns.
let tests: [SwiftSetting] = []

let package = Package(
    name: "touchstone",
    products: [
        .executable(name: "touchstone", targets: ["touchstone"]),
        .executable(name: "touchstone-runs", targets: ["touchstone-runs"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/attaswift/BigInt", from: "6.0.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .target(name: "OrderedJSON", swiftSettings: optimized),
        .target(name: "Randomness", swiftSettings: optimized),
        .target(name: "Distribution", swiftSettings: optimized),
        .target(name: "RegularExpressions", swiftSettings: optimized),
        .target(name: "CKernels", cSettings: kernels),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(name: "TensorCore", dependencies: ["CKernels", "COpenBLAS"], swiftSettings: optimized),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .target(
            name: "ModelFiles",
            dependencies: [
                "OrderedJSON", "RegularExpressions", "CHDF5", .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: optimized),
        .target(
            name: "QwenModel", dependencies: ["TensorCore", "ModelFiles", "OrderedJSON", "Randomness"],
            swiftSettings: optimized),
        .target(name: "Tokenization", dependencies: ["OrderedJSON"], swiftSettings: optimized),
        .target(
            name: "ConstrainedDecoding", dependencies: ["OrderedJSON", "RegularExpressions"], swiftSettings: optimized),
        .target(
            name: "InferenceCore",
            dependencies: [
                "ConstrainedDecoding", "QwenModel", "TensorCore", "ModelFiles", "Randomness",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: optimized),
        .target(
            name: "ModelHub", dependencies: ["OrderedJSON", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: plain),
        .target(
            name: "Merging",
            dependencies: ["QwenModel", "TensorCore", "ModelFiles", "COpenBLAS", "Randomness", "OrderedJSON"],
            swiftSettings: optimized),
        .target(
            name: "WorkerProcesses",
            dependencies: [
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: optimized),
        .target(name: "WebRequests", swiftSettings: optimized),
        .target(
            name: "Rewards",
            dependencies: [
                "OrderedJSON", "RegularExpressions", "WebRequests", "WorkerProcesses",
                .product(name: "BigInt", package: "BigInt"),
            ],
            resources: [.embedInCode("Code/Python"), .embedInCode("Plugins/touchstone_reward.py")],
            swiftSettings: optimized),
        .systemLibrary(
            name: "CCalcium",
            providers: [.apt(["libcalcium-dev", "libantic-dev", "libflint-arb-dev", "libflint-dev"])]),
        .target(
            name: "MathAlgebra",
            dependencies: ["CCalcium", "Rewards", "OrderedJSON", .product(name: "BigInt", package: "BigInt")],
            swiftSettings: optimized),
        // Runs inside the sandbox too, where there are no shared libraries of Swift: linked as the plain, static C program
        // that it is.
        .executableTarget(
            name: "touchstone-confine", cSettings: kernels,
            linkerSettings: [
                .unsafeFlags(["-nostartfiles", "-static-stdlib", "-Xclang-linker", "-static", "-Xlinker", "-s"])
            ]),
        .target(name: "Tracking", dependencies: ["OrderedJSON"], swiftSettings: plain),
        // The code in Generated was made once from the file beside it: nothing generates while building.
        .target(
            name: "TensorBoard",
            dependencies: [
                "Tracking", "OrderedJSON", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["Generated/event.proto"], swiftSettings: plain),
        .target(
            name: "Recipes",
            dependencies: [
                "OrderedJSON", "Randomness", "RegularExpressions", .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: plain),
        .target(
            name: "Reporting", dependencies: ["Tracking", "Recipes", "ModelFiles", "OrderedJSON"],
            resources: [.embedInCode("Page")], swiftSettings: plain),
        .target(
            name: "Training",
            dependencies: [
                "Distribution", "InferenceCore", "QwenModel", "TensorCore", "ModelFiles", "Tokenization", "Rewards",
                "Tracking",
                "Recipes",
                "Randomness", "OrderedJSON",
            ],
            swiftSettings: optimized),
        .target(
            name: "ExternalRollouts",
            dependencies: [
                "Training", "Distribution", "InferenceCore", "QwenModel", "ModelFiles", "Tracking", "WebRequests",
                "Randomness", "OrderedJSON",
            ],
            swiftSettings: optimized),
        .target(
            name: "Benchmarking",
            dependencies: [
                "Training", "InferenceCore", "QwenModel", "TensorCore", "ModelFiles", "Randomness",
                "OrderedJSON",
            ],
            swiftSettings: plain),
        .target(
            name: "TextGeneration",
            dependencies: [
                "ConstrainedDecoding", "InferenceCore", "QwenModel", "TensorCore", "ModelFiles", "Tokenization",
                "OrderedJSON",
            ],
            swiftSettings: optimized),
        .target(
            name: "Serving",
            dependencies: [
                "ConstrainedDecoding", "TextGeneration", "InferenceCore", "QwenModel", "TensorCore", "ModelFiles",
                "Tokenization", "Randomness", "OrderedJSON",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: optimized),
        .executableTarget(
            name: "touchstone-server",
            dependencies: [
                "Serving", "TextGeneration", "InferenceCore", "TensorCore", "OrderedJSON",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            resources: [.embedInCode("Page/index.html")],
            swiftSettings: optimized),
        .executableTarget(
            name: "touchstone",
            dependencies: [
                "Benchmarking", "Distribution", "ExternalRollouts", "Training", "TextGeneration", "InferenceCore",
                "Merging", "ModelHub",
                "QwenModel", "TensorCore", "ModelFiles", "Tokenization", "Rewards", "MathAlgebra", "WorkerProcesses",
                "Tracking",
                "TensorBoard", "Reporting", "Recipes", "Randomness", "OrderedJSON",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: plain),

        // Of its own, since its database takes long to build.
        .target(
            name: "RunStore",
            dependencies: ["Tracking", "Recipes", "OrderedJSON", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: plain),
        .executableTarget(
            name: "touchstone-runs",
            dependencies: [
                "RunStore", "Training", "Tracking", "ModelFiles", "OrderedJSON",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: plain),

        .target(
            name: "FileTesting", dependencies: ["OrderedJSON"], path: "Tests/FileTesting", swiftSettings: plain),
        .target(name: "NumericalTesting", path: "Tests/NumericalTesting", swiftSettings: optimized),
        .testTarget(name: "OrderedJSONTests", dependencies: ["OrderedJSON"], swiftSettings: tests),
        .testTarget(name: "DistributionTests", dependencies: ["Distribution"], swiftSettings: tests),
        .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: tests),
        .testTarget(
            name: "RegularExpressionsTests", dependencies: ["RegularExpressions"], resources: [.copy("Resources")],
            swiftSettings: tests),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "NumericalTesting"], swiftSettings: tests),
        .testTarget(
            name: "TensorCoreTests", dependencies: ["TensorCore", "NumericalTesting", "OrderedJSON"],
            swiftSettings: tests),
        .testTarget(
            name: "ModelFilesTests", dependencies: ["FileTesting", "ModelFiles", "OrderedJSON"], swiftSettings: tests),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization", "OrderedJSON"], swiftSettings: tests),
        .testTarget(
            name: "QwenModelTests",
            dependencies: [
                "FileTesting", "QwenModel", "TensorCore", "ModelFiles", "Training", "OrderedJSON", "Randomness",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "ConstrainedDecodingTests",
            dependencies: [
                "ConstrainedDecoding", "InferenceCore", "TextGeneration", "QwenModel", "TensorCore", "Tokenization",
                "RegularExpressions", "OrderedJSON", "Randomness",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "FileTesting",
                "ConstrainedDecoding", "Serving", "TextGeneration", "InferenceCore", "QwenModel", "TensorCore",
                "ModelFiles", "Tokenization",
                "OrderedJSON", "Randomness", "touchstone-server", "touchstone",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "InferenceCoreTests",
            dependencies: ["InferenceCore", "QwenModel", "ModelFiles", "TensorCore", "OrderedJSON", "Randomness"],
            swiftSettings: tests),
        .testTarget(
            name: "ModelHubTests", dependencies: ["FileTesting", "ModelHub", "OrderedJSON"], exclude: ["hub.py"],
            swiftSettings: tests),
        .testTarget(
            name: "MergingTests",
            dependencies: [
                "FileTesting", "Merging", "QwenModel", "TensorCore", "ModelFiles", "OrderedJSON", "Randomness",
            ],
            swiftSettings: tests),
        .testTarget(name: "WorkerProcessesTests", dependencies: ["WorkerProcesses"], swiftSettings: tests),
        .testTarget(
            name: "RewardsTests",
            dependencies: [
                "FileTesting",
                "Rewards", "Recipes", "MathAlgebra", "WorkerProcesses", "OrderedJSON", "touchstone-confine",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "TrackingTests", dependencies: ["FileTesting", "Tracking", "OrderedJSON"], swiftSettings: tests),
        .testTarget(
            name: "ReportingTests", dependencies: ["Reporting", "Tracking", "OrderedJSON"], swiftSettings: tests),
        .testTarget(
            name: "RunStoreTests", dependencies: ["RunStore", "Tracking", "OrderedJSON"], swiftSettings: tests),
        .testTarget(
            name: "TensorBoardTests", dependencies: ["TensorBoard", "Tracking", "OrderedJSON"], swiftSettings: tests),
        .testTarget(
            name: "RecipesTests", dependencies: ["Recipes", "OrderedJSON", "Randomness"], swiftSettings: tests),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "FileTesting", "touchstone", "touchstone-confine", "touchstone-runs", "InferenceCore", "OrderedJSON",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "ExternalRolloutsTests",
            dependencies: [
                "FileTesting",
                "ExternalRollouts", "Training", "Distribution", "InferenceCore", "QwenModel", "TensorCore",
                "ModelFiles",
                "Tokenization", "Rewards", "Recipes", "Tracking", "Randomness", "OrderedJSON",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "FileTesting",
                "Training", "Distribution", "InferenceCore", "QwenModel", "TensorCore", "ModelFiles", "Tokenization",
                "Rewards", "Tracking",
                "Recipes", "OrderedJSON", "Randomness",
            ],
            swiftSettings: tests),
    ],
    swiftLanguageModes: [.v6]
)
