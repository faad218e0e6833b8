// swift-tools-version: 6.2
import PackageDescription

/// Optimised even in debug builds: tests run whole models.
let optimized: [SwiftSetting] = [
    .unsafeFlags(["-O"], .when(configuration: .debug)),
    .treatAllWarnings(as: .error),
]

/// Kernels are always optimised.
let kernels: [CSetting] = [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])]

/// Test targets stay unoptimised, and without warnings as errors: the testing macros expand to code that warns.
let tests: [SwiftSetting] = []

let package = Package(
    name: "touchstone",
    products: [],
    dependencies: [],
    targets: [
        .target(name: "OrderedJSON", swiftSettings: optimized),
        .target(name: "Randomness", swiftSettings: optimized),
        .target(name: "RegularExpressions", swiftSettings: optimized),
        .target(name: "CKernels", cSettings: kernels),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(name: "TensorCore", dependencies: ["CKernels", "COpenBLAS"], swiftSettings: optimized),
        .target(
            name: "ModelFiles", dependencies: ["OrderedJSON", "RegularExpressions"], swiftSettings: optimized),
        .target(
            name: "QwenModel", dependencies: ["TensorCore", "ModelFiles", "OrderedJSON", "Randomness"],
            swiftSettings: optimized),
        .target(
            name: "InferenceCore", dependencies: ["QwenModel", "TensorCore", "CKernels", "Randomness"],
            swiftSettings: optimized),
        .target(
            name: "Training", dependencies: ["InferenceCore", "QwenModel", "TensorCore", "ModelFiles", "Randomness"],
            swiftSettings: optimized),

        .testTarget(name: "OrderedJSONTests", dependencies: ["OrderedJSON"], swiftSettings: tests),
        .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: tests),
        .testTarget(name: "RegularExpressionsTests", dependencies: ["RegularExpressions"], swiftSettings: tests),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles", "OrderedJSON"], swiftSettings: tests),
        .testTarget(
            name: "InferenceCoreTests", dependencies: ["InferenceCore", "OrderedJSON", "Randomness"],
            swiftSettings: tests),
        .testTarget(
            name: "TrainingTests", dependencies: ["Training", "OrderedJSON", "Randomness"], swiftSettings: tests),
    ],
    swiftLanguageModes: [.v6]
)
