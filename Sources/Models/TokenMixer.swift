// SPDX-License-Identifier: Apache-2.0
// The first half of a layer: how a position learns of those before it.

/// What mixes positions.
public enum TokenMixer: Sendable, Equatable {
  case attention(Attention)
  case latent(LatentAttention)
  case deltaNet(GatedDeltaNet)

  /// The attention, when it is plain attention.
  public var attention: Attention? { if case .attention(let attention) = self { attention } else { nil } }

  /// What one position leaves in the key/value cache; nil when the past is a state of fixed size.
  public var cached: CachedHeads? {
    switch self {
    case .attention(let attention):
      CachedHeads(count: attention.keyValueHeads, keySize: attention.headSize, valueSize: attention.headSize)
    case .latent(let latent):
      CachedHeads(count: 1, keySize: latent.ropeSize + latent.rank, valueSize: latent.rank)
    case .deltaNet: nil
    }
  }
}

/// The heads one position adds to the cache.
public struct CachedHeads: Sendable, Equatable {
  public var count: Int
  public var keySize: Int
  public var valueSize: Int
  /// Numbers a position takes.
  public var width: Int { count * (keySize + valueSize) }
}

/// Attention on a compressed past (DeepSeek's MLA): a position is kept as one vector of `rank` numbers, from which all heads'
/// keys and values follow by a matrix each, and a key of `ropeSize` rotated numbers that all heads share.
///
/// It is computed in the absorbed form: the matrix of a head's keys is applied to its query, that of its values to what
/// the head attended to, so that attention itself works on the compressed vectors.
public struct LatentAttention: Sendable, Equatable {
  public var heads: Int
  /// Elements of a query and key that are not rotated.
  public var plainSize: Int
  /// Elements that are; the last of a query.
  public var ropeSize: Int
  /// Width of a value head.
  public var valueSize: Int
  /// Width of the compressed vector.
  public var rank: Int
  public var query: LatentQuery
  /// To the compressed vector, followed by the shared rotated key.
  public var compression: Linear
  /// Over the compressed vector.
  public var compressionNorm: Norm
  /// Matrix [heads * (plainSize + valueSize), rank]: of each head the rows of its key, then those of its value.
  public var expansion: Linear
  /// The same as MLX stores it: [heads, rank, plainSize] and [heads, valueSize, rank].
  public var keyExpansion: ExpertLinear
  public var valueExpansion: ExpertLinear
  public var output: Linear
  public var scale: Float
  /// Index into `Architecture.ropes`.
  public var rope: Int

  /// Width of a head's query.
  public var querySize: Int { plainSize + ropeSize }
}

/// How queries are made: at once, or through a narrow vector with a norm.
public enum LatentQuery: Sendable, Equatable {
  case direct(Linear)
  case narrow(down: Linear, norm: Norm, up: Linear)
}

/// A recurrent layer with a matrix of state for each value head (Qwen3-Next's gated delta net).
///
/// Each token: queries, keys and values pass a causal convolution over `kernel` tokens and silu; then
/// S = decay · S; S += k ⊗ beta · (v - Sᵀk); out = Sᵀq, a norm over each head, times silu(gate).
public struct GatedDeltaNet: Sendable, Equatable {
  public var keyHeads: Int
  public var valueHeads: Int
  public var keySize: Int
  public var valueSize: Int
  public var kernel: Int
  /// For each key head: query, key, its value heads' values, their gates.
  public var input: Linear
  /// For each key head: the beta of its value heads, then their decay.
  public var rates: Linear
  /// Name of the convolution's tensor [channels, 1, kernel], or [channels, kernel, 1] as MLX stores it.
  public var convolution: String
  /// Names of tensors [valueHeads].
  public var decay: String
  public var timeBias: String
  /// Over each value head.
  public var norm: Norm
  public var output: Linear

  /// Width of all queries, and of all keys.
  public var keyWidth: Int { keyHeads * keySize }
  /// Width of all values.
  public var valueWidth: Int { valueHeads * valueSize }
  /// Channels of the convolution: queries, keys, values.
  public var channels: Int { 2 * keyWidth + valueWidth }
}
