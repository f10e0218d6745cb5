// SPDX-License-Identifier: Apache-2.0
// An architecture is data: all a forward pass has to know of a decoder, read from config.json.
//
// The names of tensors are part of the description, each beside the piece it belongs to, so that
// one walk over it lists everything a checkpoint must hold (`Weights`).

public import Basics

/// A decoder, described completely.
public struct Architecture: Sendable, Equatable {
  /// `model_type` of config.json.
  public var modelType: String
  public var vocabularySize: Int
  public var hiddenSize: Int
  /// Positions the model was made for.
  public var contextLength: Int
  /// Whether a position sees those behind it too, as far as a window lets it: such models make embeddings.
  public var isBidirectional = false
  /// Whether there is no output: the checkpoint holds what makes the states, and nothing that was trained to read text off them.
  public var lacksOutput = false
  /// Positions that must not be exceeded, since the model would be computed wrongly there; nil where only its quality suffers.
  public var contextBound: Int?
  public var embedding: Embedding
  /// The kinds of rotary embedding the layers refer to by index.
  public var ropes: [Rope]
  public var layers: [LayerDescription]
  public var finalNorm: Norm
  public var output: OutputHead

  /// Reads config.json.
  /// - Throws: `ModelProblem.unsupportedArchitecture` for an unknown `model_type`, and other cases
  ///   for values that cannot be or that are not supported.
  public init(config: JSONValue) throws(ModelProblem) {
    try self.init(config: config, naming: .plain)
  }

  /// Reads config.json, for tensors that lie somewhere.
  init(config: JSONValue, naming: TensorNaming) throws(ModelProblem) {
    self = try Registry.architecture(config, naming)
  }
}

/// The token embedding: rows of a [vocabulary, hidden] matrix.
public struct Embedding: Sendable, Equatable {
  public var path: String
  /// Factor on each row (Gemma, Granite).
  public var scale: Float = 1
}

/// From the last hidden state to logits.
public struct OutputHead: Sendable, Equatable {
  /// The matrix; its path is the embedding's when the two are tied.
  public var linear: Linear
  public var isTied: Bool
  /// Factor on each logit (one over Granite's `logits_scaling`).
  public var scale: Float = 1
  /// `cap * tanh(logit / cap)` when present (Gemma 2).
  public var softCap: Float?
}

/// A matrix [outputs, inputs] applied to each position: y = W x (+ b).
public struct Linear: Sendable, Equatable {
  /// Module path: `PATH.weight`, with `PATH.scales` and `PATH.biases` when quantized, `PATH.bias`.
  public var path: String
  public var outputs: Int
  public var inputs: Int
  public var bias = false

  /// A matrix by its module path and shape.
  public init(path: String, outputs: Int, inputs: Int, bias: Bool = false) {
    self.path = path
    self.outputs = outputs
    self.inputs = inputs
    self.bias = bias
  }
}

/// A normalisation over the last axis.
public struct Norm: Sendable, Equatable {
  /// How normalization is computed.
  public enum Kind: Sendable, Equatable {
    /// x / sqrt(mean(x²) + epsilon) * weight
    case rms
    /// (x - mean) / sqrt(variance + epsilon) * weight + bias
    case layer
  }
  /// Module path: `PATH.weight` and, with `bias`, `PATH.bias`.
  public var path: String
  public var size: Int
  public var kind = Kind.rms
  public var epsilon: Float
  /// Added to the weight before use: 1 where the file holds weight - 1 (Gemma).
  public var weightOffset: Float = 0
  public var bias = false
}

/// Functions between the two halves of a feed-forward layer.
public enum Activation: Sendable, Equatable {
  case silu
  /// x * Φ(x), by the error function.
  case gelu
  /// The tanh approximation of `gelu`.
  case geluTanh
  case relu
  /// gate · sigmoid(1.702 · gate) · (up + 1), with gate at most `limit` and up within ±`limit` (gpt-oss).
  case clampedSwiGLU(limit: Float)
}
