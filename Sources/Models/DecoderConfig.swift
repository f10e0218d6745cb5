// SPDX-License-Identifier: Apache-2.0
// The settings nearly every decoder's config.json has, and the pieces built from them. An
// architecture's own file says only where it differs.

internal import Basics

/// Bounds on what a config may ask for: generous for any model there is, small enough that no
/// product of two of them overflows and no list of them exhausts memory.
enum Limits {
  static let width = 1 << 20
  static let vocabulary = 1 << 24
  static let layers = 4096
  static let heads = 1 << 14
  static let headSize = 1 << 12
  static let context = 1 << 28
  static let experts = 1 << 14
}

/// The common settings, read and checked once.
struct DecoderConfig {
  let reader: ConfigReader
  let modelType: String
  let vocabulary: Int
  let hidden: Int
  let layerCount: Int
  let heads: Int
  let keyValueHeads: Int
  let headSize: Int
  let intermediate: Int
  let context: Int
  let isTied: Bool
  let epsilon: Float

  /// Reads the common settings.
  /// - Parameters:
  ///   - epsilonKey: name of the norms' epsilon.
  ///   - isTied: whether embedding and output are one matrix when the config does not say.
  init(
    _ reader: ConfigReader, epsilonKey: String = "rms_norm_eps", defaultEpsilon: Double = 1e-6, isTied: Bool = false
  ) throws(ModelProblem) {
    self.reader = reader
    modelType = try reader.optionalString("model_type") ?? ""
    vocabulary = try reader.int("vocab_size", in: 1...Limits.vocabulary)
    hidden = try reader.int("hidden_size", in: 1...Limits.width)
    layerCount = try reader.int("num_hidden_layers", in: 1...Limits.layers)
    heads = try reader.int("num_attention_heads", in: 1...Limits.heads)
    keyValueHeads = try reader.int("num_key_value_heads", in: 1...Limits.heads, default: heads)
    guard heads % keyValueHeads == 0 else {
      throw reader.problem("num_key_value_heads", "\(heads) heads cannot be shared by \(keyValueHeads)")
    }
    if let size = try reader.optionalInt("head_dim", in: 1...Limits.headSize) {
      headSize = size
    } else {
      guard hidden % heads == 0 else {
        throw reader.problem("num_attention_heads", "\(hidden) cannot be divided by \(heads)")
      }
      headSize = hidden / heads
    }
    guard headSize <= Limits.headSize else {
      throw reader.problem("head_dim", "\(headSize) is more than \(Limits.headSize)")
    }
    intermediate = try reader.int("intermediate_size", in: 1...Limits.width)
    context = try reader.int("max_position_embeddings", in: 1...Limits.context, default: 2048)
    self.isTied = try reader.bool("tie_word_embeddings", default: isTied)
    epsilon = Float(try reader.double(epsilonKey, in: 0...1, default: defaultEpsilon))
  }

  /// An RMS norm over the hidden state.
  func rms(_ path: String, offset: Float = 0) -> Norm {
    Norm(path: reader.naming.place(path), size: hidden, epsilon: epsilon, weightOffset: offset)
  }

  /// A layer norm with a bias over the hidden state.
  func layerNorm(_ path: String, bias: Bool = true) -> Norm {
    Norm(path: reader.naming.place(path), size: hidden, kind: .layer, epsilon: epsilon, bias: bias)
  }

  /// The rotary embedding of the heads.
  func rope(_ layerType: String? = nil, defaultTheta: Double = 10000, partial: Double = 1) throws(ModelProblem) -> Rope
  {
    try reader.rope(
      headSize: headSize, contextLength: context, layerType: layerType, defaultTheta: defaultTheta,
      defaultPartial: partial)
  }

  /// `q_proj`, `k_proj`, `v_proj` and an output matrix below `path`, all of Llama's shape.
  func attention(
    _ path: String, inputBias: Bool = false, outputBias: Bool = false, outputName: String = "o_proj",
    window: Int? = nil
  ) -> Attention {
    let (wide, narrow) = (heads * headSize, keyValueHeads * headSize)
    let path = reader.naming.place(path)
    return Attention(
      heads: heads, keyValueHeads: keyValueHeads, headSize: headSize,
      queryKeyValue: [
        Linear(path: "\(path).q_proj", outputs: wide, inputs: hidden, bias: inputBias),
        Linear(path: "\(path).k_proj", outputs: narrow, inputs: hidden, bias: inputBias),
        Linear(path: "\(path).v_proj", outputs: narrow, inputs: hidden, bias: inputBias),
      ],
      output: Linear(path: "\(path).\(outputName)", outputs: hidden, inputs: wide, bias: outputBias),
      scale: 1 / Float(headSize).squareRoot(), window: window, rope: 0)
  }

  /// A norm over each query or key head.
  func perHead(_ path: String, offset: Float = 0) -> HeadNorm {
    let path = reader.naming.place(path)
    return HeadNorm(norm: Norm(path: path, size: headSize, epsilon: epsilon, weightOffset: offset), perHead: true)
  }

  /// `gate_proj`, `up_proj` and `down_proj` below `path`, `intermediate_size` wide unless another size is given.
  func gatedMLP(_ path: String, activation: Activation, bias: Bool = false, size: Int? = nil) -> MLP {
    let (width, path) = (size ?? intermediate, reader.naming.place(path))
    return MLP(
      input: [
        Linear(path: "\(path).gate_proj", outputs: width, inputs: hidden, bias: bias),
        Linear(path: "\(path).up_proj", outputs: width, inputs: hidden, bias: bias),
      ],
      down: Linear(path: "\(path).down_proj", outputs: hidden, inputs: width, bias: bias),
      size: width, activation: activation, isGated: true)
  }

  /// Two matrices with an activation between them.
  func plainMLP(_ path: String, up: String, down: String, activation: Activation, bias: Bool) -> MLP {
    let path = reader.naming.place(path)
    return MLP(
      input: [Linear(path: "\(path).\(up)", outputs: intermediate, inputs: hidden, bias: bias)],
      down: Linear(path: "\(path).\(down)", outputs: hidden, inputs: intermediate, bias: bias),
      size: intermediate, activation: activation, isGated: false)
  }

  /// The named activation, as transformers calls them.
  func activation(_ key: String = "hidden_act", default fallback: String = "silu") throws(ModelProblem) -> Activation {
    try reader.activation(key, default: fallback)
  }

  /// The sliding window of every layer: `layer_types` where the config lists them, else by rule.
  func windows(_ size: Int?, slides: (Int) -> Bool) throws(ModelProblem) -> [Int?] {
    guard let types = try reader.strings("layer_types") else {
      return (0..<layerCount).map { slides($0) ? size : nil }
    }
    guard types.count == layerCount else {
      throw reader.problem("layer_types", "\(types.count) entries for \(layerCount) layers")
    }
    var windows: [Int?] = []
    for type in types {
      switch type {
      case "full_attention": windows.append(nil)
      case "sliding_attention":
        guard let size else { throw reader.problem("sliding_window", "layers slide, but no window is given") }
        windows.append(size)
      default: throw .unsupportedFeature(name: "layer type \"\(type.prefix(64))\"")
      }
    }
    return windows
  }

  /// `sliding_window` of the config, nil when there is none.
  /// - Parameter usual: what holds when the config does not say; null says that there is none.
  func slidingWindow(default usual: Int? = nil) throws(ModelProblem) -> Int? {
    guard reader.object["sliding_window"] != nil else { return usual }
    return try reader.optionalInt("sliding_window", in: 1...Limits.context)
  }

  /// The whole of a model whose tensors are named as Llama's outside the layers.
  func architecture(
    layers: [LayerDescription], ropes: [Rope], finalNorm: Norm, outputBias: Bool = false
  ) -> Architecture {
    let embedding = Embedding(path: reader.naming.place("model.embed_tokens"))
    let lacksOutput = reader.naming.isBare && !isTied
    let isTied = isTied || lacksOutput
    let head = Linear(
      path: isTied ? embedding.path : reader.naming.place("lm_head"), outputs: vocabulary, inputs: hidden,
      bias: outputBias)
    var architecture = Architecture(
      modelType: modelType, vocabularySize: vocabulary, hiddenSize: hidden, contextLength: context,
      embedding: embedding, ropes: ropes, layers: layers, finalNorm: finalNorm,
      output: OutputHead(linear: head, isTied: isTied))
    architecture.lacksOutput = lacksOutput
    return architecture
  }
}

extension Architecture {
  init(
    modelType: String, vocabularySize: Int, hiddenSize: Int, contextLength: Int, embedding: Embedding,
    ropes: [Rope], layers: [LayerDescription], finalNorm: Norm, output: OutputHead
  ) {
    self.modelType = modelType
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.contextLength = contextLength
    self.embedding = embedding
    self.ropes = ropes
    self.layers = layers
    self.finalNorm = finalNorm
    self.output = output
  }
}

extension ConfigReader {
  /// The named activation, as transformers calls them.
  func activation(_ key: String, default fallback: String) throws(ModelProblem) -> Activation {
    let name = try optionalString(key) ?? fallback
    switch name {
    case "silu", "swish": return .silu
    case "gelu": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": return .geluTanh
    case "relu": return .relu
    default: throw .unsupportedFeature(name: "activation \"\(name.prefix(64))\"")
    }
  }
}
