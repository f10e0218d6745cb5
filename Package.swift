// swift-tools-version: 6.3
// The plan of the house, top floor first. A target may import only what its line names, and only
// from lower floors; `make lint` holds every `import` against this file (docs/architecture.md).

import PackageDescription

/// Every Swift target: Swift 6 mode, all warnings errors, imports and existentials spelled out.
let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
  .treatWarning("DeprecatedDeclaration", as: .warning),
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// Targets that read bytes from outside: checked offsets, and every unsafe step is marked.
let strict = house + [.strictMemorySafety()]

/// Kernels are optimised in every configuration, so that debug tests stay fast.
let fast: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"])]

let package = Package(
  name: "impetus",
  products: [.executable(name: "impetus", targets: ["impetus"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // Floor 6: the program
    .executableTarget(name: "impetus", dependencies: ["Commands"], swiftSettings: house),
    .target(
      name: "Commands",
      dependencies: [
        "Server", "Library", "Inference", "Models", "Quantization", "Checkpoints", "Tensors",
        "Tokenizers", "Templates", "Registry", "Hub", "Store", "Basics", "CKernels",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),

    // Floor 5: HTTP
    .target(
      name: "Server",
      dependencies: [
        "Library", "Inference", "Models", "Tokenizers", "Templates", "Store", "Basics",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: house),

    // Floor 4: what a user does with models
    .target(
      name: "Library",
      dependencies: [
        "Inference", "Models", "Quantization", "Checkpoints", "Tensors", "Tokenizers", "Templates",
        "Registry", "Hub", "Store", "Basics",
      ],
      swiftSettings: house),

    // Floor 3: the engine
    .target(
      name: "Inference",
      dependencies: [
        "Models", "Quantization", "Checkpoints", "Tokenizers", "Tensors", "Basics", "CKernels",
      ],
      swiftSettings: house),

    // Floor 2: models and number formats, registries
    .target(
      name: "Models",
      dependencies: ["Checkpoints", "Tokenizers", "Templates", "Tensors", "Basics"],
      swiftSettings: house),
    .target(
      name: "Quantization",
      dependencies: ["Checkpoints", "Tensors", "Basics", "CKernels"],
      swiftSettings: house),

    .target(name: "Registry", dependencies: ["Hub", "Basics"], swiftSettings: house),

    // Floor 1: formats, text, transfer, storage
    .target(name: "Checkpoints", dependencies: ["Tensors", "Basics"], swiftSettings: strict),
    .target(name: "Tensors", dependencies: ["Basics", "CKernels"], swiftSettings: house),
    .target(
      name: "Tokenizers", dependencies: ["Basics", "CSentencePiece", "CPCRE2"], swiftSettings: strict),
    .target(name: "Templates", swiftSettings: strict),
    .target(name: "Hub", dependencies: ["Basics", "CCurl"], swiftSettings: house),

    .target(name: "Store", dependencies: ["Basics", "CArchive"], swiftSettings: house),

    // Floor 0: what several modules of floor 1 need
    .target(name: "Basics", dependencies: ["CCrypto", "CKernels"], swiftSettings: strict),

    // C
    .target(name: "CKernels", cSettings: fast),
    .target(
      name: "CSentencePiece", cxxSettings: [.unsafeFlags(["-Wall", "-Wextra"])],
      linkerSettings: [.linkedLibrary("sentencepiece")]),
    .target(name: "CCurl", dependencies: ["CCurlSystem"]),
    .systemLibrary(name: "CCurlSystem", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    // Tests mirror Sources; EndToEnd drives the built binary.
    .target(name: "Support", dependencies: ["Basics"], path: "Tests/Support", swiftSettings: house),
    .testTarget(name: "BasicsTests", dependencies: ["Basics", "Support"], swiftSettings: house),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "Support"], swiftSettings: house),
    .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "Tensors", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "TokenizersTests", dependencies: ["Tokenizers", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "TemplatesTests", dependencies: ["Templates", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "HubTests", dependencies: ["Hub", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "RegistryTests", dependencies: ["Registry", "Hub", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "StoreTests", dependencies: ["Store", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "QuantizationTests", dependencies: ["Quantization", "Checkpoints", "Tensors", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "CKernelsTests", dependencies: ["CKernels"], swiftSettings: house),
    .testTarget(name: "ModelsTests", dependencies: ["Models", "Checkpoints", "Basics", "Support"], swiftSettings: house),
    .testTarget(
      name: "InferenceTests",
      dependencies: ["Inference", "Models", "Checkpoints", "Tensors", "Tokenizers", "CKernels", "Basics", "Support"],
      swiftSettings: house),
    .testTarget(
      name: "LibraryTests",
      dependencies: [
        "Library", "Inference", "Store", "Registry", "Hub", "Models", "Checkpoints", "Quantization", "Tensors", "Tokenizers",
        "Basics", "Support",
      ],
      swiftSettings: house),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "Server", "Library", "Inference", "Store", "Basics", "Support", .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .target(
      name: "Fuzzing",
      dependencies: ["Library", "Store", "Models", "Checkpoints", "Tensors", "Tokenizers", "Templates", "Basics"],
      path: "Tests/Fuzzing", swiftSettings: house),
    .executableTarget(name: "fuzz", dependencies: ["Fuzzing", "Basics"], path: "Tests/Fuzz", swiftSettings: house),
    .testTarget(name: "FuzzingTests", dependencies: ["Fuzzing", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "CommandsTests", dependencies: ["Commands", "Basics", "Support"], swiftSettings: house),
    .testTarget(name: "EndToEndTests", dependencies: ["Basics", "Support"], swiftSettings: house),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu2x,
  cxxLanguageStandard: .cxx17
)
