// SPDX-License-Identifier: Apache-2.0
// What a model's files say of themselves, for its manifest and for `show`.

public import Basics
internal import Checkpoints
internal import Models
public import Store
internal import Tensors
internal import Tokenizers

/// Reads a model's folder for its description.
public enum Describing {
  /// What a folder holds, seen without reading weights.
  public struct Facts: Sendable {
    /// For the manifest.
    public var description: ModelDescription
    /// Number of parameters; 0 when the weights cannot be read.
    public var parameterCount: Int
    /// Bytes of the weights in memory: as they lie in their files, block floats widened to 16 bits.
    public var loadedByteCount = 0
    /// Longest context in tokens.
    public var contextLength: Int?
    /// Why this program cannot run it, if it cannot.
    public var unsupported: (any Problem)?
  }

  /// Looks at a folder.
  /// - Throws: what makes the folder no model: no config, or weights that are no safetensors.
  public static func facts(folder: String, origin: Origin = Origin(), provenance: Provenance? = nil) throws -> Facts {
    let config = try Snapshot.readConfig(folder)
    var facts = Facts(
      description: ModelDescription(
        architecture: config["model_type"]?.stringValue, format: "safetensors",
        precision: precision(config), quantization: quantization(config), origin: origin, provenance: provenance),
      parameterCount: 0, contextLength: nil, unsupported: nil)
    do {
      let checkpoint: any Checkpoint
      if EncoderSnapshot.makesEmbeddings(folder, config) {
        let encoder = try EncoderSnapshot.open(folder)
        (facts.contextLength, checkpoint) = (encoder.architecture.contextLength, encoder.weights.checkpoint)
      } else {
        let snapshot = try Snapshot.open(folder)
        (facts.contextLength, checkpoint) = (snapshot.architecture.contextLength, snapshot.weights.checkpoint)
      }
      facts.parameterCount = parameterCount(checkpoint, config)
      facts.loadedByteCount = loadedByteCount(checkpoint)
      try checkTokenizer(folder)
    } catch let problem as any Problem where problem.status == .unsupported {
      facts.unsupported = problem
    }
    if facts.parameterCount > 0 { facts.description.parameters = short(facts.parameterCount) }
    return facts
  }

  /// Opens a folder's tokenizer to find out whether anything it asks for is unknown. A folder without one, or with a broken
  /// one, is for others to tell of.
  private static func checkTokenizer(_ folder: String) throws(TokenizerProblem) {
    do throws(TokenizerProblem) { _ = try Tokenizer(folder: folder) } catch {
      if case .unsupported = error { throw error }
    }
  }

  /// Numbers in the tensors; of a quantized matrix those it stands for.
  private static func parameterCount(_ checkpoint: any Checkpoint, _ config: JSONValue) -> Int {
    let bits = config["quantization"]?["bits"]?.intValue ?? 4
    return checkpoint.names.reduce(0) { sum, name in
      guard let tensor = checkpoint.tensor(name) else { return sum }
      if isBlocks(name, tensor) { return sum + 2 * tensor.shape.elementCount }
      if name.hasSuffix("_scales") { return sum }
      let module = name.split(separator: ".").dropLast().joined(separator: ".")
      guard checkpoint.has("\(module).scales") else { return sum + tensor.shape.elementCount }
      if name.hasSuffix(".scales") || name.hasSuffix(".biases") { return sum }
      guard name.hasSuffix(".weight") else { return sum + tensor.shape.elementCount }
      let settings = config["quantization"]?[module]
      return sum + tensor.shape.elementCount * tensor.dtype.bitCount / max(1, settings?["bits"]?.intValue ?? bits)
    }
  }

  /// Whether a tensor holds the codes of block floats as gpt-oss publishes them, two in a byte.
  private static func isBlocks(_ name: String, _ tensor: TensorView) -> Bool {
    name.hasSuffix("_blocks") && tensor.dtype == .u8
  }

  /// Bytes of all tensors once they are loaded.
  private static func loadedByteCount(_ checkpoint: any Checkpoint) -> Int {
    checkpoint.names.reduce(0) { sum, name in
      guard let tensor = checkpoint.tensor(name) else { return sum }
      let isScaleOfBytes = tensor.dtype == .u8 && (name.hasSuffix(".scales") || name.hasSuffix("_scales"))
      return sum + tensor.byteCount * (isScaleOfBytes ? 2 : 1)
    }
  }

  private static func precision(_ config: JSONValue) -> String? {
    config["torch_dtype"]?.stringValue ?? config["dtype"]?.stringValue
  }

  /// Such as `affine 4 bit, groups of 64`.
  static func quantization(_ config: JSONValue) -> String? {
    guard let settings = config["quantization"] ?? config["quantization_config"] else { return nil }
    let method = settings["mode"]?.stringValue ?? settings["quant_method"]?.stringValue ?? "affine"
    guard let bits = settings["bits"]?.intValue else { return method }
    guard let group = settings["group_size"]?.intValue else { return "\(method) \(bits) bit" }
    return "\(method) \(bits) bit, groups of \(group)"
  }

  /// A number of parameters in two or three digits: `135M`, `1.5B`.
  public static func short(_ count: Int) -> String {
    func digits(_ value: Double) -> String {
      let tenths = Int((value * 10).rounded())
      return value >= 10 || tenths % 10 == 0 ? "\(Int(value.rounded()))" : "\(tenths / 10).\(tenths % 10)"
    }
    switch count {
    case 1_000_000_000...: return digits(Double(count) / 1e9) + "B"
    case 1_000_000...: return digits(Double(count) / 1e6) + "M"
    case 1000...: return digits(Double(count) / 1e3) + "K"
    default: return "\(count)"
    }
  }
}
