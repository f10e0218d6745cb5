// SPDX-License-Identifier: Apache-2.0
// One decoder layer as data: attention, feed-forward, and where the norms stand.

/// A decoder layer.
///
/// Sequential: x += m · postAttention(mixer(preAttention(x))); x += m · postFeedForward(feedForward(preFeedForward(x))).
/// Parallel: x += m · (mixer(n) + feedForward(n)) with n = preAttention(x).
/// A norm that is nil passes its input on.
public struct LayerDescription: Sendable, Equatable {
  public var mixer: TokenMixer
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

extension LayerDescription {
  /// The mixer, when it is plain attention.
  public var attention: Attention? { mixer.attention }

  /// A layer whose mixer is plain attention.
  init(
    attention: Attention, feedForward: FeedForward, preAttentionNorm: Norm? = nil, postAttentionNorm: Norm? = nil,
    preFeedForwardNorm: Norm? = nil, postFeedForwardNorm: Norm? = nil, isParallel: Bool = false,
    residualScale: Float = 1
  ) {
    self.init(
      mixer: .attention(attention), feedForward: feedForward, preAttentionNorm: preAttentionNorm,
      postAttentionNorm: postAttentionNorm, preFeedForwardNorm: preFeedForwardNorm,
      postFeedForwardNorm: postFeedForwardNorm, isParallel: isParallel, residualScale: residualScale)
  }
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
  /// Name of a tensor [heads] of logits that take part in every softmax and add nothing to the result (gpt-oss).
  public var sinks: String?
  /// The matrix of the queries gives each head its query, then a gate of the same width; what the head attended to is
  /// multiplied by the gate's sigmoid (Qwen3-Next).
  public var isGated = false

  /// Rows of the matrix of the queries.
  public var queryOutputs: Int { isGated ? 2 * queryWidth : queryWidth }
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
