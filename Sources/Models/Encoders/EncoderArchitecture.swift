// SPDX-License-Identifier: Apache-2.0
// What makes embeddings as data: an encoder of the BERT family, read from config.json, whose positions all see one another, or
// a decoder without its output.

public import Basics

/// An encoder, described completely.
///
/// x = norm(words + positions + types); then the layers; then norm(x).
public struct EncoderArchitecture: Sendable, Equatable {
  /// `model_type` of config.json.
  public var modelType: String
  public var vocabularySize: Int
  public var hiddenSize: Int
  /// Tokens of the longest text.
  public var contextLength: Int
  /// Rows of the position embedding before the one of the first token (RoBERTa's).
  public var positionOffset: Int
  /// Paths of the embeddings, those of positions and types where there are some; rows of the last two.
  public var words: String
  public var positions: String?
  public var types: String?
  public var positionCount: Int
  public var typeCount: Int
  /// Multiplies the embeddings of words.
  public var embeddingScale: Float = 1
  public var embeddingNorm: Norm?
  /// The kinds of rotary embedding the layers refer to by index.
  public var ropes: [Rope] = []
  /// Of plain attention and dense halves, each attention of the same shape.
  public var layers: [LayerDescription]
  /// The norms behind the halves of a layer are over the sums: x = norm(x + attention(x)), as BERT has it.
  public var normsSums = true
  /// A position sees only those before it.
  public var isCausal = false
  public var finalNorm: Norm?
  /// From the first token's state to the pooled output, through tanh.
  public var pooler: Linear?

  /// Every `model_type` that is supported, sorted.
  public static let modelTypes = ["bert", "camembert", "distilbert", "roberta", "xlm-roberta"]

  /// Whether a config is one of an encoder this program runs.
  public static func describes(_ config: JSONValue) -> Bool {
    config["model_type"]?.stringValue.map { modelTypes.contains($0) } ?? false
  }
}

/// What the tensors of a layer are called, below the layer's own path.
private struct LayerNames {
  var query, key, value, attentionOutput, attentionNorm, up, down, outputNorm: String
}

extension EncoderArchitecture {
  /// Reads config.json.
  /// - Parameter prefix: what all names of tensors begin with: empty, or `bert.` and the like.
  /// - Throws: `ModelProblem` for values that cannot be or are not supported.
  public init(config: JSONValue, prefix: String = "") throws(ModelProblem) {
    guard let object = config.objectValue else {
      throw .invalidConfig(key: "content", reason: "an object is needed, \(config.kindName) was found")
    }
    let reader = ConfigReader(object)
    let modelType = try reader.optionalString("model_type") ?? ""
    guard Self.modelTypes.contains(modelType) else {
      throw .unsupportedArchitecture(name: modelType, known: Self.modelTypes)
    }
    if modelType == "distilbert" {
      self = try Self.distilled(reader, prefix)
      return
    }
    let kind = try reader.optionalString("position_embedding_type") ?? "absolute"
    guard kind == "absolute" else { throw .unsupportedFeature(name: "position embedding \"\(kind.prefix(64))\"") }
    guard try !reader.bool("is_decoder", default: false) else {
      throw .unsupportedFeature(name: "\(modelType) as a decoder")
    }
    let hidden = try reader.int("hidden_size", in: 1...Limits.width)
    let count = try reader.int("num_hidden_layers", in: 1...Limits.layers)
    let heads = try reader.int("num_attention_heads", in: 1...Limits.heads)
    guard hidden % heads == 0 else {
      throw reader.problem("num_attention_heads", "\(hidden) cannot be divided by \(heads)")
    }
    let wide = try reader.int("intermediate_size", in: 1...Limits.width)
    let epsilon = Float(try reader.double("layer_norm_eps", in: 0...1, default: 1e-12))
    let positions = try reader.int("max_position_embeddings", in: 1...Limits.context, default: 512)
    let offset = modelType == "bert" ? 0 : try reader.int("pad_token_id", in: 0...Limits.vocabulary, default: 1) + 1
    guard offset < positions else { throw reader.problem("pad_token_id", "no position is left behind it") }
    let activation = try reader.activation("hidden_act", default: "gelu")
    let shape = Shape(
      hidden: hidden, heads: heads, wide: wide, epsilon: epsilon, activation: activation, prefix: prefix)
    self.modelType = modelType
    vocabularySize = try reader.int("vocab_size", in: 1...Limits.vocabulary)
    hiddenSize = hidden
    contextLength = positions - offset
    positionOffset = offset
    positionCount = positions
    typeCount = try reader.int("type_vocab_size", in: 1...Limits.vocabulary, default: 2)
    words = "\(prefix)embeddings.word_embeddings"
    self.positions = "\(prefix)embeddings.position_embeddings"
    types = "\(prefix)embeddings.token_type_embeddings"
    embeddingNorm = shape.norm("embeddings.LayerNorm")
    let names = LayerNames(
      query: "attention.self.query", key: "attention.self.key", value: "attention.self.value",
      attentionOutput: "attention.output.dense", attentionNorm: "attention.output.LayerNorm",
      up: "intermediate.dense", down: "output.dense", outputNorm: "output.LayerNorm")
    layers = (0..<count).map { shape.layer("encoder.layer.\($0)", names) }
    pooler = shape.linear("pooler.dense", hidden, hidden)
  }
}

extension EncoderArchitecture {
  /// DistilBERT: other names, no types of tokens, and no pooler.
  private static func distilled(_ reader: ConfigReader, _ prefix: String) throws(ModelProblem) -> EncoderArchitecture {
    let hidden = try reader.int("dim", in: 1...Limits.width, default: 768)
    let heads = try reader.int("n_heads", in: 1...Limits.heads, default: 12)
    guard hidden % heads == 0 else { throw reader.problem("n_heads", "\(hidden) cannot be divided by \(heads)") }
    let wide = try reader.int("hidden_dim", in: 1...Limits.width, default: 3072)
    let positions = try reader.int("max_position_embeddings", in: 1...Limits.context, default: 512)
    let activation = try reader.activation("activation", default: "gelu")
    let shape = Shape(hidden: hidden, heads: heads, wide: wide, epsilon: 1e-12, activation: activation, prefix: prefix)
    let names = LayerNames(
      query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin", attentionOutput: "attention.out_lin",
      attentionNorm: "sa_layer_norm", up: "ffn.lin1", down: "ffn.lin2", outputNorm: "output_layer_norm")
    let count = try reader.int("n_layers", in: 1...Limits.layers, default: 6)
    return EncoderArchitecture(
      modelType: "distilbert", vocabularySize: try reader.int("vocab_size", in: 1...Limits.vocabulary),
      hiddenSize: hidden, contextLength: positions, positionOffset: 0, words: "\(prefix)embeddings.word_embeddings",
      positions: "\(prefix)embeddings.position_embeddings", types: nil, positionCount: positions, typeCount: 1,
      embeddingNorm: shape.norm("embeddings.LayerNorm"),
      layers: (0..<count).map { shape.layer("transformer.layer.\($0)", names) })
  }
}

/// The sizes that all layers of BERT share, and the pieces made from them.
private struct Shape {
  var hidden: Int
  var heads: Int
  var wide: Int
  var epsilon: Float
  var activation: Activation
  /// What all names begin with.
  var prefix: String

  func norm(_ path: String) -> Norm {
    Norm(path: prefix + path, size: hidden, kind: .layer, epsilon: epsilon, bias: true)
  }

  func linear(_ path: String, _ outputs: Int, _ inputs: Int) -> Linear {
    Linear(path: prefix + path, outputs: outputs, inputs: inputs, bias: true)
  }

  func layer(_ path: String, _ names: LayerNames) -> LayerDescription {
    LayerDescription(
      attention: Attention(
        heads: heads, keyValueHeads: heads, headSize: hidden / heads,
        queryKeyValue: [names.query, names.key, names.value].map { linear("\(path).\($0)", hidden, hidden) },
        output: linear("\(path).\(names.attentionOutput)", hidden, hidden),
        scale: 1 / Float(hidden / heads).squareRoot()),
      feedForward: .dense(
        MLP(
          input: [linear("\(path).\(names.up)", wide, hidden)], down: linear("\(path).\(names.down)", hidden, wide),
          size: wide, activation: activation, isGated: false)),
      postAttentionNorm: norm("\(path).\(names.attentionNorm)"),
      postFeedForwardNorm: norm("\(path).\(names.outputNorm)"))
  }
}
