// SPDX-License-Identifier: Apache-2.0
// One decoder layer as data: attention, feed-forward, and where the norms stand.

/// A decoder layer.
///
/// Sequential: x += m · postAttention(attention(preAttention(x))); x += m · postFeedForward(feedForward(preFeedForward(x))).
/// Parallel: x += m · (attention(n) + feedForward(n)) with n = preAttention(x).
/// A norm that is nil passes its input on.
public struct LayerDescription: Sendable, Equatable {
  public var attention: Attention
  public var feedForward: FeedForward
  public var preAttentionNorm: Norm?
  public var postAttentionNorm: Norm?
  public var preFeedForwardNorm: Norm?
  public var postFeedForwardNorm: Norm?
  /// Attention and feed-forward read the same normed input (Phi).
  public var isParallel = false
  /// m above (Granite).
  public var residualScale: Float = 1
}

/// Attention over the sequence so far, with keys and values shared by groups of heads.
public struct Attention: Sendable, Equatable {
  public var heads: Int
  public var keyValueHeads: Int
  /// Width of a query, key and value head.
  public var headSize: Int
  /// Matrices whose outputs, one after the other, are all queries, all keys, all values: three of
  /// them, or a single fused one.
  public var queryKeyValue: [Linear]
  public var output: Linear
  /// Factor on query · key.
  public var scale: Float
  /// Keys a position sees, itself included; nil sees all before it.
  public var window: Int?
  /// Index into `Architecture.ropes`; nil leaves queries and keys unrotated.
  public var rope: Int?
  public var queryNorm: HeadNorm?
  public var keyNorm: HeadNorm?
  /// `cap * tanh(score / cap)` before the softmax when present (Gemma 2).
  public var softCap: Float?

  /// Width of all queries together.
  public var queryWidth: Int { heads * headSize }
  /// Width of all keys, and of all values.
  public var keyValueWidth: Int { keyValueHeads * headSize }
}

/// A norm of queries or keys before the rotation.
public struct HeadNorm: Sendable, Equatable {
  public var norm: Norm
  /// Over each head (Qwen 3, Gemma 3), or over all heads together (OLMo 2).
  public var perHead: Bool
}

/// The second half of a layer.
public enum FeedForward: Sendable, Equatable {
  case dense(MLP)
  case experts(MixtureOfExperts)
}

/// down(activation(gate(x)) * up(x)), or down(activation(up(x))) when not gated.
public struct MLP: Sendable, Equatable {
  /// Matrices whose outputs, one after the other, are gate and up: two, a fused one, or up alone.
  public var input: [Linear]
  public var down: Linear
  public var size: Int
  public var activation: Activation
  public var isGated: Bool
}

/// A router that sends each position to a few of many gated MLPs and adds their outputs.
public struct MixtureOfExperts: Sendable, Equatable {
  public var router: Linear
  public var count: Int
  public var perToken: Int
  /// Whether the chosen probabilities are scaled to sum up to one.
  public var normalizesChosen: Bool
  /// Width between the halves of an expert.
  public var size: Int
  public var activation: Activation
  public var gate: ExpertLinear
  public var up: ExpertLinear
  public var down: ExpertLinear
}

/// The same matrix of every expert, under either of two names.
public struct ExpertLinear: Sendable, Equatable {
  /// One tensor an expert; `*` stands for the expert's number.
  public var eachPath: String
  /// All experts in one tensor [experts, outputs, inputs], as MLX stores them.
  public var stackedPath: String
  public var outputs: Int
  public var inputs: Int

  /// The path of one expert's own tensor.
  public func path(of expert: Int) -> String {
    eachPath.split(separator: "*", omittingEmptySubsequences: false).joined(separator: "\(expert)")
  }
}
