// SPDX-License-Identifier: Apache-2.0
// `quantization_config` of config.json, as other programs than MLX write it, and what older GPTQ and AWQ models keep in a
// file of its own. Shapes decide what they can decide; from here comes only what they cannot say.

public import Basics

/// How another program quantized a model.
public struct ForeignQuantization: Sendable {
  /// The programs, or rather their formats.
  public enum Method: String, Sendable {
    case gptq
    case awq
    case compressedTensors = "compressed-tensors"
    /// 8-bit floats with scales of blocks or rows.
    case fp8
  }

  /// Whose format it is.
  public let method: Method
  /// Bits of a code, where the file says it; 4 otherwise.
  let bits: Int
  /// Inputs that share a scale; nil for a whole row, or where only shapes tell.
  let groupSize: Int?
  /// GPTQ: the zero points are stored as they are, not less by one.
  let storesZeros: Bool
  /// Rows and columns that share a scale.
  let block: (rows: Int, columns: Int)

  /// Methods by the name config.json gives them.
  private static let methods: [String: Method] = [
    "gptq": .gptq, "awq": .awq, "compressed-tensors": .compressedTensors, "fp8": .fp8, "fbgemm_fp8": .fp8,
  ]

  /// Whether models of this method can be converted.
  static func converts(method: String) -> Bool { methods[method] != nil }

  /// Reads config.json, or the file beside it; nil when the model is not quantized, or by MLX, or by a method that is
  /// not converted.
  /// - Throws: `ModelProblem.unsupportedFeature` for a variant of a method that is not known.
  public static func read(config: JSONObject, folder: String) throws -> ForeignQuantization? {
    let reader = ConfigReader(config)
    if reader.has("quantization") { return nil }
    if let inner = try reader.nested("quantization_config") {
      let name = try inner.optionalString("quant_method") ?? ""
      return try methods[name].map { method throws(ModelProblem) in try ForeignQuantization(method, inner) }
    }
    for (file, method) in [("quantize_config.json", Method.gptq), ("quant_config.json", .awq)] {
      let path = "\(folder)/\(file)"
      guard Files.isFile(path) else { continue }
      guard let object = try JSONReader.parse(try Files.read(path, limit: 1 << 20), limits: .lastKeyWins).objectValue
      else { throw ModelProblem.invalidFile(path: path, reason: "an object is needed") }
      return try ForeignQuantization(method, ConfigReader(object))
    }
    return nil
  }

  private init(_ method: Method, _ config: ConfigReader) throws(ModelProblem) {
    self.method = method
    let (ownBits, ownGroup) = (try config.optionalInt("bits", in: 1...16), try Self.group(config, "group_size"))
    // AutoAWQ's own file has other names.
    let (otherBits, otherGroup) = (
      try config.optionalInt("w_bit", in: 1...16), try Self.group(config, "q_group_size")
    )
    bits = ownBits ?? otherBits ?? 4
    let group = ownGroup ?? otherGroup
    groupSize = group.flatMap { $0 > 0 ? $0 : nil }
    var (storesZeros, block) = (false, (rows: 128, columns: 128))
    switch method {
    case .gptq:
      let format = try config.optionalString("checkpoint_format") ?? "gptq"
      guard ["gptq", "gptq_v2"].contains(format) else { throw Self.unsupported("GPTQ checkpoints of format", format) }
      storesZeros = format == "gptq_v2"
    case .awq:
      let version = (try config.optionalString("version") ?? "gemm").lowercased()
      guard version == "gemm" else { throw Self.unsupported("AWQ checkpoints of version", version) }
    case .compressedTensors: if let found = try Self.checkCompressed(config) { block = found }
    case .fp8: if let found = try Self.block(config, "weight_block_size") { block = found }
    }
    self.storesZeros = storesZeros
    self.block = block
  }

  private static func group(_ config: ConfigReader, _ key: String) throws(ModelProblem) -> Int? {
    try config.optionalInt(key, in: -1...65536)
  }

  private static func unsupported(_ what: String, _ name: String) -> ModelProblem {
    .unsupportedFeature(name: "\(what) \"\(name.prefix(64))\"")
  }

  /// Refuses what is not read of compressed-tensors.
  /// - Returns: the size of blocks, where there are any.
  private static func checkCompressed(_ config: ConfigReader) throws(ModelProblem) -> (rows: Int, columns: Int)? {
    let known = ["pack-quantized", "int-quantized", "float-quantized", "naive-quantized", "mixed-precision", "dense"]
    let format = try config.optionalString("format") ?? "dense"
    guard known.contains(format) else { throw unsupported("compressed-tensors of format", format) }
    if let sparsity = try config.nested("sparsity_config"), let format = try sparsity.optionalString("format"),
      format != "dense"
    {
      throw unsupported("compressed-tensors of sparsity", format)
    }
    if let transform = try config.nested("transform_config"), transform.has("config_groups") {
      throw .unsupportedFeature(name: "compressed-tensors with transforms")
    }
    guard let groups = try config.nested("config_groups") else { return nil }
    var found: (rows: Int, columns: Int)?
    for (key, value) in groups.object {
      guard let object = value.objectValue else { continue }
      let group = ConfigReader(object, prefix: "\(groups.prefix)\(key).")
      if let weights = try group.nested("weights"), let block = try block(weights, "block_structure") { found = block }
    }
    return found
  }

  private static func block(_ config: ConfigReader, _ key: String) throws(ModelProblem) -> (rows: Int, columns: Int)? {
    guard let sizes = try config.numbers(key, in: 1...65536) else { return nil }
    guard sizes.count == 2 else { throw config.problem(key, "two sizes are needed") }
    return (Int(sizes[0]), Int(sizes[1]))
  }
}
