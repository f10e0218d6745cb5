// SPDX-License-Identifier: Apache-2.0
// An encoder of the BERT family as data, read from config.json: all positions of a text see one another.

public import Basics

/// An encoder, described completely.
///
/// x = norm(words + positions + types); each layer: x = norm(x + attention(x)); x = norm(x + feedForward(x)).
public struct EncoderArchitecture: Sendable, Equatable {
  /// `model_type` of config.json.
  public var modelType: String
  public var vocabularySize: Int
  public var hiddenSize: Int
  /// Tokens of the longest text.
  public var contextLength: Int
  /// Rows of the position embedding before the one of the first token (RoBERTa's).
  public var positionOffset: Int
  /// Paths of the embeddings, that of the types where there is one; rows of the last two.
  public var words: String
  public var positions: String
  public var types: String?
  public var positionCount: Int
  public var typeCount: Int
  public var embeddingNorm: Norm
  public var layers: [EncoderLayer]
  /// From the first token's state to the pooled output, through tanh.
  public var pooler: Linear

  /// Every `model_type` that is supported, sorted.
  public static let modelTypes = ["bert", "camembert", "distilbert", "roberta", "xlm-roberta"]

  /// Whether a config is one of an encoder this program runs.
  public static func describes(_ config: JSONValue) -> Bool {
    config["model_type"]?.stringValue.map { modelTypes.contains($0) } ?? false
  }
}

/// One layer of an encoder.
public struct EncoderLayer: Sendable, Equatable {
  public var heads: Int
  public var query: Linear
  public var key: Linear
  public var value: Linear
  public var attentionOutput: Linear
  public var attentionNorm: Norm
  public var up: Linear
  public var down: Linear
  public var outputNorm: Norm
  public var activation: Activation
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
    func norm(_ path: String) -> Norm {
      Norm(path: prefix + path, size: hidden, kind: .layer, epsilon: epsilon, bias: true)
    }
    func linear(_ path: String, _ outputs: Int, _ inputs: Int) -> Linear {
      Linear(path: prefix + path, outputs: outputs, inputs: inputs, bias: true)
    }
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
    embeddingNorm = norm("embeddings.LayerNorm")
    layers = (0..<count).map { index in
      let path = "encoder.layer.\(index)"
      return EncoderLayer(
        heads: heads, query: linear("\(path).attention.self.query", hidden, hidden),
        key: linear("\(path).attention.self.key", hidden, hidden),
        value: linear("\(path).attention.self.value", hidden, hidden),
        attentionOutput: linear("\(path).attention.output.dense", hidden, hidden),
        attentionNorm: norm("\(path).attention.output.LayerNorm"),
        up: linear("\(path).intermediate.dense", wide, hidden), down: linear("\(path).output.dense", hidden, wide),
        outputNorm: norm("\(path).output.LayerNorm"), activation: activation)
    }
    pooler = linear("pooler.dense", hidden, hidden)
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
    func norm(_ path: String) -> Norm {
      Norm(path: prefix + path, size: hidden, kind: .layer, epsilon: 1e-12, bias: true)
    }
    func linear(_ path: String, _ outputs: Int, _ inputs: Int) -> Linear {
      Linear(path: prefix + path, outputs: outputs, inputs: inputs, bias: true)
    }
    let layers = (0..<(try reader.int("n_layers", in: 1...Limits.layers, default: 6))).map { index in
      let path = "transformer.layer.\(index)"
      return EncoderLayer(
        heads: heads, query: linear("\(path).attention.q_lin", hidden, hidden),
        key: linear("\(path).attention.k_lin", hidden, hidden),
        value: linear("\(path).attention.v_lin", hidden, hidden),
        attentionOutput: linear("\(path).attention.out_lin", hidden, hidden),
        attentionNorm: norm("\(path).sa_layer_norm"), up: linear("\(path).ffn.lin1", wide, hidden),
        down: linear("\(path).ffn.lin2", hidden, wide), outputNorm: norm("\(path).output_layer_norm"),
        activation: activation)
    }
    return EncoderArchitecture(
      modelType: "distilbert", vocabularySize: try reader.int("vocab_size", in: 1...Limits.vocabulary),
      hiddenSize: hidden, contextLength: positions, positionOffset: 0, words: "\(prefix)embeddings.word_embeddings",
      positions: "\(prefix)embeddings.position_embeddings", types: nil, positionCount: positions, typeCount: 1,
      embeddingNorm: norm("embeddings.LayerNorm"), layers: layers, pooler: linear("pooler.dense", hidden, hidden))
  }
}
