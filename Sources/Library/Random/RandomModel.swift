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
    case smallFloats(SmallFloat)
    /// bfloat16.
    case plain
  }

  /// Floats of 4 or 8 bits whose groups share a scale of a byte, by MLX's name of the mode.
  public enum SmallFloat: String, Sendable, CaseIterable {
    case mxfp4, mxfp8, nvfp4

    /// Bits of a code.
    public var bits: Int { self == .mxfp8 ? 8 : 4 }
    /// Codes that share a scale.
    public var groupSize: Int { self == .nvfp4 ? 16 : 32 }

    /// The scale that takes random codes to some 0.02: 2^-7 as an exponent or as e4m3, 2^-13 for the longer floats.
    var usualScale: UInt8 {
      switch self {
      case .mxfp4: 120
      case .mxfp8: 114
      case .nvfp4: 4
      }
    }
  }

  /// Ready to be loaded.
  public let snapshot: Snapshot
  public let parameterCount: Int
  /// Such as `affine 4 bit, groups of 64` or `mxfp4 4 bit, groups of 32`; nil when nothing is quantized.
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
    var smallFloats: [String: SmallFloat] = [:]
    for path in tensors.matrices.map(\.path) {
      smallFloats[path] = try Self.smallFloat(format, config["quantization"], path: path)
    }
    let own = config["quantization"]
    let available = Memory.available
    guard plan.byteCount <= available else {
      throw InferenceProblem.doesNotFit(what: "the model", neededBytes: plan.byteCount, availableBytes: available)
    }
    for key in ["quantization", "quantization_config"] { config[key] = nil }
    if plan.entries.contains(where: { if case .quantize = $0.choice { true } else { false } }) {
      if case .smallFloats(let float) = format {
        config["quantization"] = Self.configuration(float)
      } else {
        config["quantization"] = smallFloats.isEmpty ? .object(plan.configuration) : own
      }
    }
    quantization = Describing.quantization(.object(config))
    snapshot = try Snapshot(folder: "", config: .object(config)) {
      try RandomCheckpoint(plan, smallFloats: smallFloats, constants: tensors.constants, sharesCodes: packs)
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
    case .smallFloats(let float): return try policy(float)
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

  /// Every matrix whose width is a multiple of 32 is one of small floats.
  private static func policy(_ float: SmallFloat) throws -> Policy {
    Policy(standard: try Affine(bits: float.bits, groupSize: 32), modelType: "")
  }

  /// What a matrix consists of: as asked for, or as the config's own `quantization` says; nil when it is affine or plain.
  private static func smallFloat(_ format: Format?, _ own: JSONValue?, path: String) throws -> SmallFloat? {
    if let format {
      if case .smallFloats(let float) = format { return float }
      return nil
    }
    let setting = own?[path]?.objectValue == nil ? own : own?[path]
    guard let mode = setting?["mode"]?.stringValue, mode != "affine" else { return nil }
    guard let float = SmallFloat(rawValue: mode) else { throw RandomProblem.format(mode: mode) }
    return float
  }

  private static func configuration(_ float: SmallFloat) -> JSONValue {
    [
      "group_size": JSONValue(float.groupSize), "bits": JSONValue(float.bits), "mode": .string(float.rawValue),
    ]
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
    // The groups of small floats are always the same; those of 16 count as 32 here, where only the width matters.
    let groupSize = setting["group_size"]?.intValue ?? 64
    return try Affine(bits: setting["bits"]?.intValue ?? 4, groupSize: max(32, groupSize))
  }
}
