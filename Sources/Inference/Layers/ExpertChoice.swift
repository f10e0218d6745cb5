// SPDX-License-Identifier: Apache-2.0
// From a router's logits to a token's experts and their weights.

import CKernels
import Models

/// How experts are chosen. Trivial: read once a token.
struct ExpertChoice {
  let count: Int
  let perToken: Int
  private let isSigmoid: Bool
  private let normalizes: Bool
  private let scale: Float
  /// [count], added to the scores for the comparison; nil for none.
  private let bias: UnsafePointer<Float>?
  /// 1 when all experts may be chosen.
  private let groupCount: Int
  private let groupsChosen: Int
  /// A group ranks by the sum of its two best instead of by its best.
  private let ranksByTwo: Bool

  init(_ mixture: MixtureOfExperts, bias: UnsafePointer<Float>?) {
    count = mixture.count
    perToken = mixture.perToken
    isSigmoid = mixture.scoring == .sigmoid
    normalizes = mixture.normalizesChosen
    scale = mixture.weightScale
    self.bias = bias
    groupCount = mixture.groups?.count ?? 1
    groupsChosen = mixture.groups?.chosen ?? 1
    ranksByTwo = mixture.groups?.ranking == .twoBest
  }

  /// Chooses for one token.
  /// - Parameters:
  ///   - logits: [count], overwritten with scores.
  ///   - ranks: [count], memory for the comparison.
  ///   - experts, weights: [perToken], the result, the best first.
  func choose(
    _ isa: ck_isa, logits: UnsafeMutablePointer<Float>, ranks: UnsafeMutablePointer<Float>,
    experts: UnsafeMutablePointer<Int32>, weights: UnsafeMutablePointer<Float>
  ) {
    if isSigmoid {
      ranks.update(from: logits, count: count)
      for expert in 0..<count { logits[expert] = 1 }
      ck_gate(isa, ranks, Int32(count), logits)
    } else {
      ck_softmax(isa, logits, Int32(count))
    }
    for expert in 0..<count { ranks[expert] = logits[expert] + (bias?[expert] ?? 0) }
    if groupCount > 1 { dropGroups(ranks) }
    ck_top_k(ranks, Int32(count), Int32(perToken), experts)
    var total: Float = 0
    for k in 0..<perToken { total += logits[Int(experts[k])] }
    for k in 0..<perToken {
      weights[k] = logits[Int(experts[k])] / (normalizes ? max(total, 1e-20) : 1) * scale
    }
  }

  /// Leaves the best groups; what belongs to the others is never chosen.
  private func dropGroups(_ ranks: UnsafeMutablePointer<Float>) {
    let size = count / groupCount
    var left = groupCount
    var dropped: UInt64 = 0
    func value(_ group: Int) -> Float {
      var (first, second) = (-Float.infinity, -Float.infinity)
      for rank in UnsafeBufferPointer(start: ranks + group * size, count: size) {
        if rank > first { (first, second) = (rank, first) } else if rank > second { second = rank }
      }
      return ranksByTwo && size > 1 ? first + second : first
    }
    // The worst goes until enough are left; of equals the last.
    while left > groupsChosen {
      var (worst, lowest) = (-1, Float.infinity)
      for group in 0..<groupCount where dropped & 1 << UInt64(group) == 0 {
        let value = value(group)
        if worst < 0 || value <= lowest { (worst, lowest) = (group, value) }
      }
      dropped |= 1 << UInt64(worst)
      left -= 1
    }
    for group in 0..<groupCount where dropped & 1 << UInt64(group) != 0 {
      for expert in group * size..<(group + 1) * size { ranks[expert] = -.infinity }
    }
  }
}
