// SPDX-License-Identifier: Apache-2.0
// What stands beside the weights of a quantized model: config.json with the quantization, and copies
// of the tokenizer and all other small files.

internal import Basics
internal import Checkpoints
internal import Quantization

/// The files that are not weights.
enum QuantizingFiles {
  /// Ends of names that are weights in some format, or tables of them; they are not copied.
  private static let weightSuffixes = [
    ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".gguf", ".ggml", ".h5",
    ".msgpack", ".onnx", ".onnx_data", ".ot", ".npz", ".tflite", ".ckpt", ".part", ".tmp",
  ]
  /// Largest other file that is copied.
  private static let copyLimit = 256 << 20

  /// Writes a quantized model's config.json as mlx-lm does: sorted at the top, four blanks a level, the quantization twice,
  /// under MLX's name and under the one the hub reads; end tokens of generation_config.json taken over.
  static func writeConfig(_ config: JSONObject, plan: Plan, from source: String, to target: String) throws {
    var result = config
    for key in ["_name_or_path", "vision_config"] { result[key] = nil }
    let generation = "\(source)/generation_config.json"
    if Files.isFile(generation),
      let ends = try JSONReader.parse(try Files.read(generation, limit: 16 << 20), limits: .lastKeyWins)[
        "eos_token_id"],
      !ends.isNull
    {
      result["eos_token_id"] = ends
    }
    try writeConfig(result, quantization: plan.configuration, to: target)
  }

  /// Writes config.json in mlx-lm's form.
  /// - Parameter quantization: nil for a model whose weights are plain.
  static func writeConfig(_ config: JSONObject, quantization: JSONObject?, to target: String) throws {
    var result = config
    result["quantization"] = quantization.map { .object($0) }
    result["quantization_config"] = quantization.map { .object($0) }
    let text = JSONWriter.bytes(.object(result.sortedByKey), options: JSONWriter.Options(indent: 4, asciiOnly: true))
    try AtomicFile.write(text, to: "\(target)/config.json")
  }

  /// Copies every other file of the folder, and the files of the steps behind an embedder (`2_Dense/model.safetensors`); other
  /// subfolders are not looked into.
  /// - Returns: names of the copies.
  static func copyOthers(from source: String, to target: String, except: [String] = []) throws -> [String] {
    var copied: [String] = []
    for name in try Files.list(source) where name != "config.json" && !name.hasPrefix(".") && !except.contains(name) {
      let path = "\(source)/\(name)"
      guard Files.isFile(path), !weightSuffixes.contains(where: { name.hasSuffix($0) }) else { continue }
      try AtomicFile.write(try Files.read(path, limit: copyLimit), to: "\(target)/\(name)")
      copied.append(name)
    }
    for folder in try Files.list(source) where isStep(folder) {
      for name in ["\(folder)/config.json", "\(folder)/model.safetensors"] where Files.isFile("\(source)/\(name)") {
        try Files.makeFolders("\(target)/\(folder)")
        try AtomicFile.write(try Files.read("\(source)/\(name)", limit: copyLimit), to: "\(target)/\(name)")
        copied.append(name)
      }
    }
    return copied
  }

  /// Whether a folder is called as sentence-transformers calls those of its steps: `1_Pooling`.
  private static func isStep(_ name: String) -> Bool {
    let parts = name.split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 && Int(parts[0]) != nil
  }
}
