// SPDX-License-Identifier: Apache-2.0
// Which matrices are quantized, and with how many bits: mlx-lm's rules, so that its reader and ours
// agree on every layer, and what a user changes about them.
//
// Source: mlx_lm/utils.py `quantize_model` and the `quant_predicate` of its model files (0.32):
//   - candidates are linear layers, embeddings (tied or not) and stacked experts; norms and biases stay;
//   - a matrix whose width is no multiple of the *standard* group size stays, even if an override fits;
//   - some architectures keep routers or output matrices at 8 bits in groups of 64.

public import Tensors

/// A matrix that may be quantized.
public struct Candidate: Sendable, Equatable {
  /// Module path; its tensor is `PATH.weight`.
  public var path: String
  /// Rows and width; stacked experts have their number in front.
  public var shape: Shape
  /// The type it has after conversion: that of scales and biases.
  public var dtype: DType

  public init(path: String, shape: Shape, dtype: DType) {
    self.path = path
    self.shape = shape
    self.dtype = dtype
  }
}

/// Decides about each candidate.
public struct Policy: Sendable, Equatable {
  /// What happens to a matrix.
  public enum Choice: Sendable, Equatable {
    /// It gets this format; `isOverride` when that has to be said in config.json.
    case quantize(Affine, isOverride: Bool)
    /// It stays as it is, for a reason that can be shown.
    case keep(reason: String)
  }

  /// What a user wants different for modules whose path ends with a text.
  public struct Override: Sendable, Equatable {
    /// End of the module path, whole components: `lm_head`, `mlp.down_proj`.
    public var suffix: String
    /// The format; nil leaves the module unquantized.
    public var format: Affine?

    public init(suffix: String, format: Affine?) {
      self.suffix = suffix
      self.format = format
    }
  }

  /// What most matrices get.
  public var standard: Affine
  /// `model_type` of config.json, for the rules of architectures.
  public var modelType: String
  /// Earlier entries win over later ones and over the architecture's rules.
  public var overrides: [Override]
  /// Gives a matrix that does not fit the standard groups the next smaller ones instead of leaving it;
  /// mlx-lm leaves it.
  public var shrinksGroups: Bool

  public init(standard: Affine, modelType: String, overrides: [Override] = [], shrinksGroups: Bool = false) {
    self.standard = standard
    self.modelType = modelType
    self.overrides = overrides
    self.shrinksGroups = shrinksGroups
  }

  /// Module paths that mlx-lm keeps at 8 bits in groups of 64, by `model_type`.
  private static let eightBitSuffixes: [String: [String]] = [
    "granite": ["self_attn.o_proj", "mlp.down_proj", "lm_head"],
    "qwen3_moe": ["mlp.gate"],
  ]

  /// What happens to a candidate.
  /// - Throws: `QuantizationProblem.width` when an override does not fit the matrix.
  public func choice(for candidate: Candidate) throws(QuantizationProblem) -> Choice {
    let inputs = candidate.shape.rowLength
    guard standard.fits(inputs: inputs) else { return try unfitting(candidate) }
    let special = try special(candidate.path)
    guard let special else { return .quantize(standard, isOverride: false) }
    guard let format = special.format else { return .keep(reason: "excluded") }
    guard format.fits(inputs: inputs) else {
      throw .width(tensor: candidate.path, inputs: inputs, groupSize: format.groupSize)
    }
    return .quantize(format, isOverride: true)
  }

  private func unfitting(_ candidate: Candidate) throws(QuantizationProblem) -> Choice {
    let inputs = candidate.shape.rowLength
    if shrinksGroups {
      for group in Affine.allGroupSizes.reversed() where group < standard.groupSize {
        let format = try Affine(bits: standard.bits, groupSize: group)
        if format.fits(inputs: inputs) { return .quantize(format, isOverride: true) }
      }
    }
    return .keep(reason: "width \(inputs) is no multiple of \(standard.groupSize)")
  }

  /// The entry that names a module, by the user or by its architecture.
  private func special(_ path: String) throws(QuantizationProblem) -> Override? {
    if let own = overrides.first(where: { Self.ends(path, with: $0.suffix) }) { return own }
    let rule = Self.eightBitSuffixes[modelType]?.first { Self.ends(path, with: $0) }
    guard let rule else { return nil }
    return Override(suffix: rule, format: try Affine(bits: 8, groupSize: 64))
  }

  /// Whether the last components of a path are those of `suffix`.
  private static func ends(_ path: String, with suffix: String) -> Bool {
    path == suffix || path.hasSuffix(".\(suffix)")
  }
}
