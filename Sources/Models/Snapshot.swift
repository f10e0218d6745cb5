// SPDX-License-Identifier: Apache-2.0
// A folder opened as a model: config.json, generation_config.json and the weights beside them.

public import Basics
public import Checkpoints

/// A model folder whose description and weights belong together.
public struct Snapshot: Sendable {
  /// Path of the folder; empty when the model was made in memory.
  public let folder: String
  /// config.json as it is.
  public let config: JSONValue
  public let architecture: Architecture
  public let generation: GenerationDefaults
  /// The checked tensors.
  public let weights: WeightReader

  /// Largest config.json and generation_config.json that are read.
  private static let configLimit = 16 << 20

  /// Opens a folder.
  /// - Throws: `ModelProblem`, `FileProblem`, `JSONProblem`, or `CheckpointProblem`.
  public static func open(_ folder: String) throws -> Snapshot {
    try Snapshot(
      folder: folder, config: try readConfig(folder),
      generationConfig: try readJSON("\(folder)/generation_config.json")
    ) { try openCheckpoint(folder: folder) }
  }

  /// Puts a model together: first the description, so that an unsupported one is refused by name before its
  /// weights are touched, then the tensors' names, types and shapes.
  /// - Parameters:
  ///   - folder: where the files are; empty when there are none.
  ///   - checkpoint: opens the weights.
  /// - Throws: `ModelProblem`, and what `checkpoint` throws.
  public init(
    folder: String, config: JSONValue, generationConfig: JSONValue? = nil, checkpoint: () throws -> any Checkpoint
  ) throws {
    _ = try Architecture(config: config)
    let quantization = try QuantizationConfig(ConfigReader(config.objectValue ?? JSONObject()))
    let checkpoint = try checkpoint()
    let architecture = try Architecture(config: config, naming: TensorNaming(of: checkpoint))
    weights = WeightReader(checkpoint: checkpoint, quantization: quantization)
    try weights.check(architecture)
    self.folder = folder
    self.config = config
    self.architecture = architecture.settled(for: checkpoint)
    generation = try GenerationDefaults(generationConfig: generationConfig, config: config)
  }

  /// Reads only config.json of a folder.
  /// - Throws: `ModelProblem.notAModel` when there is none.
  public static func readConfig(_ folder: String) throws -> JSONValue {
    guard let config = try readJSON("\(folder)/config.json") else {
      throw ModelProblem.notAModel(path: folder, missing: "config.json")
    }
    return config
  }

  /// A JSON file as Python reads it; nil when it does not exist.
  private static func readJSON(_ path: String) throws -> JSONValue? {
    guard Files.isFile(path) else { return nil }
    return try JSONReader.parse(try Files.read(path, limit: configLimit), limits: .lastKeyWins)
  }
}
