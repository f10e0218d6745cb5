// SPDX-License-Identifier: Apache-2.0
// A model of any shape with random weights, made in memory: as fast as the real one, without downloading it.

internal import Basics
internal import Inference
public import Models
public import Quantization
internal import Tensors

/// A model nobody trained.
public struct RandomModel: Sendable {
  /// Number format of the matrices.
  public enum Format: Sendable, Equatable {
    case affine(Affine)
    /// bfloat16.
    case plain
  }

  /// Ready to be loaded.
  public let snapshot: Snapshot
  public let parameterCount: Int
  /// Such as `affine 4 bit, groups of 64`; nil when nothing is quantized.
  public let quantization: String?

  /// Names of shapes.
  public static var shapes: [String] { RandomShape.all.map(\.name) }

  /// Makes the weights.
  /// - Parameters:
  ///   - shape: a name in `shapes`, or the path of a config.json or of its folder.
  ///   - format: nil takes the config's own, or 4 bits in groups of 64.
  ///   - packs: the engine packs quantized matrices, which then need no bytes of their own here.
  /// - Throws: `RandomProblem`, what reading the config throws, and `InferenceProblem.doesNotFit`.
  public init(_ shape: String, format: Format?, packs: Bool) throws {
    var config = try RandomShape.config(shape)
    let architecture = try Self.architecture(config)
    let tensors = try RandomTensors(architecture)
    let policy = try Self.policy(config, format, architecture: architecture, tensors)
    let elements = tensors.constants.reduce(0) { $0 + $1.shape.elementCount }
    let plan = try Plan(policy: policy, candidates: tensors.matrices, others: (elements, 2 * elements))
    let available = Memory.available
    guard plan.byteCount <= available else {
      throw InferenceProblem.doesNotFit(what: "the model", neededBytes: plan.byteCount, availableBytes: available)
    }
    for key in ["quantization", "quantization_config"] { config[key] = nil }
    if plan.entries.contains(where: { if case .quantize = $0.choice { true } else { false } }) {
      config["quantization"] = .object(plan.configuration)
    }
    quantization = Describing.quantization(.object(config))
    snapshot = try Snapshot(folder: "", config: .object(config)) {
      try RandomCheckpoint(plan, constants: tensors.constants, sharesCodes: packs)
    }
    parameterCount = plan.parameterCount
  }

  /// The description, without regard to how the config's own weights are stored.
  private static func architecture(_ config: JSONObject) throws -> Architecture {
    var config = config
    for key in ["quantization", "quantization_config"] { config[key] = nil }
    return try Architecture(config: .object(config))
  }

  private static func policy(
    _ config: JSONObject, _ format: Format?, architecture: Architecture, _ tensors: RandomTensors
  ) throws -> Policy {
    let own = config["quantization"]
    switch format {
    case .affine(let affine): return Policy(standard: affine, modelType: architecture.modelType)
    case .plain:
      let overrides = tensors.matrices.map { Policy.Override(suffix: $0.path, format: nil) }
      return Policy(standard: try Affine(bits: 8, groupSize: 32), modelType: "", overrides: overrides)
    case nil:
      guard let own else {
        return Policy(standard: try Affine(bits: 4, groupSize: 64), modelType: architecture.modelType)
      }
      return Policy(
        standard: try affine(own), modelType: architecture.modelType, overrides: try overrides(own, tensors))
    }
  }

  /// The modules for which a `quantization` object says something else.
  private static func overrides(_ quantization: JSONValue, _ tensors: RandomTensors) throws -> [Policy.Override] {
    try tensors.matrices.compactMap { matrix in
      switch quantization[matrix.path] {
      case .bool(false): Policy.Override(suffix: matrix.path, format: nil)
      case .object(let setting): Policy.Override(suffix: matrix.path, format: try affine(.object(setting)))
      default: nil
      }
    }
  }

  private static func affine(_ setting: JSONValue) throws -> Affine {
    let mode = setting["mode"]?.stringValue ?? "affine"
    guard mode == "affine" else { throw RandomProblem.format(mode: mode) }
    return try Affine(bits: setting["bits"]?.intValue ?? 4, groupSize: setting["group_size"]?.intValue ?? 64)
  }
}
