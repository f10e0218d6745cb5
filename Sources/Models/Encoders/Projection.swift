// SPDX-License-Identifier: Apache-2.0
// `Dense` of sentence-transformers: a matrix behind the pooling, from a folder of its own (`2_Dense`).

internal import Basics
internal import Checkpoints
internal import Tensors

/// y = activation(W x + b), in float32.
public struct Projection: Sendable, Equatable {
  /// What follows the product.
  public enum Activation: Sendable, Equatable { case none, tanh }

  /// Numbers that it takes.
  public var inputs: Int
  /// Numbers that it makes.
  public var outputs: Int
  /// [outputs, inputs]
  public var weights: [Float]
  /// [outputs]; empty without.
  public var bias: [Float]
  /// Behind the sum.
  public var activation: Activation

  /// Reads the step's folder.
  /// - Throws: `ModelProblem`, `CheckpointProblem`.
  static func read(_ folder: String, _ config: JSONValue) throws -> Projection {
    let reader = ConfigReader(config.objectValue ?? JSONObject())
    let inputs = try reader.int("in_features", in: 1...Limits.width)
    let outputs = try reader.int("out_features", in: 1...Limits.width)
    guard inputs * outputs <= 1 << 26 else { throw reader.problem("out_features", "it is too large") }
    for (key, usual) in [("module_input_name", "sentence_embedding"), ("module_output_name", "sentence_embedding")] {
      guard try reader.optionalString(key) ?? usual == usual else {
        throw ModelProblem.unsupportedFeature(name: "a Dense step over tokens")
      }
    }
    guard try !reader.bool("use_residual", default: false) else {
      throw ModelProblem.unsupportedFeature(name: "a Dense step with a residual")
    }
    let path = "\(folder)/model.safetensors"
    guard Files.isFile(path) else {
      throw ModelProblem.unsupportedFeature(name: "a Dense step without safetensors")
    }
    let reading = WeightReader(checkpoint: try SafetensorsFile(path), quantization: nil)
    let matrix = try reading.matrix(
      Linear(path: "linear", outputs: outputs, inputs: inputs, bias: try reader.bool("bias", default: true)))
    return Projection(
      inputs: inputs, outputs: outputs, weights: try matrix.weight.floats(), bias: try matrix.bias?.floats() ?? [],
      activation: try activation(reader))
  }

  private static func activation(_ reader: ConfigReader) throws(ModelProblem) -> Activation {
    let name = try reader.optionalString("activation_function") ?? "torch.nn.modules.activation.Tanh"
    switch name {
    case "torch.nn.modules.activation.Tanh": return .tanh
    case "torch.nn.modules.linear.Identity": return .none
    default: throw .unsupportedFeature(name: "activation \"\(name.prefix(64))\" of a Dense step")
    }
  }
}
