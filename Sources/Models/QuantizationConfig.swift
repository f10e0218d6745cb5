// SPDX-License-Identifier: Apache-2.0
// How a checkpoint's matrices are quantized: the `quantization` object mlx-lm writes, and what the
// shapes in the file say. The shapes decide, as in mlx-lm; an override that contradicts them is refused.

internal import Basics

/// The number format of a stored matrix.
public enum WeightFormat: Sendable, Equatable, CustomStringConvertible {
  /// Elements of the tensor's own type.
  case plain
  /// scale * code + bias for each group of inputs, codes of `bits` bits in a little-endian stream.
  case affine(bits: Int, groupSize: Int)
  /// 4-bit floats, groups of 32 with a power of two as scale.
  case mxfp4
  /// 8-bit floats, groups of 32 with a power of two as scale.
  case mxfp8
  /// 4-bit floats, groups of 16 with an 8-bit float as scale.
  case nvfp4

  public var description: String {
    switch self {
    case .plain: "plain"
    case .affine(let bits, let group): "affine \(bits) bit, group \(group)"
    case .mxfp4: "mxfp4"
    case .mxfp8: "mxfp8"
    case .nvfp4: "nvfp4"
    }
  }
}

/// The `quantization` object of config.json.
public struct QuantizationConfig: Sendable, Equatable {
  /// The setting of one module, or of all.
  public struct Setting: Sendable, Equatable {
    public var bits: Int
    public var groupSize: Int
    public var mode: String
  }

  /// What holds for modules without an entry of their own.
  public var standard: Setting
  /// Modules with an entry of their own, by path; nil where it says `false`.
  public var overrides: [String: Setting?]

  /// Reads config.json; nil when the model is not quantized.
  init?(_ config: ConfigReader) throws(ModelProblem) {
    guard let quantization = try config.nested("quantization") else {
      if let other = try config.nested("quantization_config") {
        let method = try other.optionalString("quant_method") ?? "unknown"
        // gpt-oss as published: its experts' tensors say themselves what they are.
        if method == "mxfp4" { return nil }
        if ForeignQuantization.converts(method: method) { throw .foreignQuantization(method: method) }
        throw .unsupportedFeature(name: "quantization method \"\(method.prefix(64))\"")
      }
      return nil
    }
    standard = try Self.setting(quantization, mode: "affine")
    var overrides: [String: Setting?] = [:]
    for (key, value) in quantization.object {
      switch value {
      case .bool(false): overrides[key] = .some(nil)
      case .object(let entry):
        let reader = ConfigReader(entry, prefix: "\(quantization.prefix)\(key).")
        overrides[key] = .some(try Self.setting(reader, mode: "affine"))
      default: continue
      }
    }
    self.overrides = overrides
  }

  private static func setting(_ reader: ConfigReader, mode: String) throws(ModelProblem) -> Setting {
    let mode = try reader.optionalString("mode") ?? mode
    guard ["affine", "mxfp4", "mxfp8", "nvfp4"].contains(mode) else {
      throw .unsupportedFeature(name: "quantization mode \"\(mode.prefix(64))\"")
    }
    return Setting(
      bits: try reader.int("bits", in: 1...16, default: 4),
      groupSize: try reader.int("group_size", in: 1...65536, default: 64), mode: mode)
  }

  /// Whether a module's own entry, if there is one, agrees with the format its shapes imply.
  func agrees(with format: WeightFormat, path: String) -> Bool {
    guard let entry = overrides[path], let setting = entry else { return true }
    switch format {
    case .plain: return true
    case .affine(let bits, let group):
      return setting.mode == "affine" && setting.bits == bits && setting.groupSize == group
    default: return setting.mode == format.description
    }
  }
}

extension WeightFormat {
  /// The format that shapes imply for a matrix with `inputs` logical columns; nil when none does.
  /// - Parameters:
  ///   - words: 32-bit words in a row of the packed matrix.
  ///   - groups: scales in a row.
  ///   - scalesAreBytes: scales of type U8, as the floating modes have them.
  public init?(inputs: Int, words: Int, groups: Int, scalesAreBytes: Bool) {
    guard inputs > 0, words > 0, groups > 0, inputs % groups == 0, (words * 32) % inputs == 0 else { return nil }
    let bits = words * 32 / inputs
    let groupSize = inputs / groups
    switch (scalesAreBytes, bits, groupSize) {
    case (true, 4, 32): self = .mxfp4
    case (true, 8, 32): self = .mxfp8
    case (true, 4, 16): self = .nvfp4
    case (false, 2...6, 8...), (false, 8, 8...): self = .affine(bits: bits, groupSize: groupSize)
    default: return nil
    }
  }
}
