// SPDX-License-Identifier: Apache-2.0
// Log probabilities: of a token, and of those that were likeliest in its place.

internal import CKernels

/// A token and how likely the model held it to be, by its own distribution: before penalties,
/// temperature and truncation.
public struct TokenScore: Sendable, Equatable {
  public let token: Int32
  /// Natural logarithm of the probability.
  public let logProbability: Float

  public init(token: Int32, logProbability: Float) {
    self.token = token
    self.logProbability = logProbability
  }
}

/// A sampled or given token with its score and its alternatives.
public struct ScoredToken: Sendable, Equatable {
  public let chosen: TokenScore
  /// The likeliest tokens in its place, most likely first; the chosen one may be among them.
  public let alternatives: [TokenScore]

  public init(chosen: TokenScore, alternatives: [TokenScore]) {
    self.chosen = chosen
    self.alternatives = alternatives
  }
}

/// The distribution at one position, looked at before anything changes the logits.
struct Scores {
  private let logSumExp: Float
  private let alternatives: [TokenScore]

  /// - Parameter count: alternatives wanted.
  init(_ logits: UnsafeMutableBufferPointer<Float>, count: Int, isa: ck_isa) {
    logSumExp = ck_log_sum_exp(isa, logits.baseAddress, Int32(logits.count))
    var best: [TokenScore] = []
    best.reserveCapacity(count + 1)
    var floor = -Float.infinity
    if count > 0 {
      for token in logits.indices where logits[token] > floor || best.count < count {
        let score = TokenScore(token: Int32(token), logProbability: logits[token] - logSumExp)
        // Behind equals: of two equal ones the smaller number comes first.
        let place = best.firstIndex { $0.logProbability < score.logProbability } ?? best.count
        best.insert(score, at: place)
        if best.count > count { best.removeLast() }
        if best.count == count { floor = logits[Int(best[count - 1].token)] }
      }
    }
    alternatives = best
  }

  /// The score of a token by its logit as it was.
  func of(_ token: Int32, logit: Float) -> ScoredToken {
    ScoredToken(
      chosen: TokenScore(token: token, logProbability: logit - logSumExp), alternatives: alternatives)
  }
}
