// SPDX-License-Identifier: Apache-2.0
// Where the fast path takes an input in two parts of eight bits instead of one.
//
// What rounding adds to values and to attention's output goes into the residual stream as it is, and decides more often
// which token is likeliest than the same noise elsewhere (docs/precision.md). Where few heads of keys and values serve a
// wide feed-forward block these products are a small part of a layer, and twice their work buys exactness.

import CKernels

/// The rule for products whose inputs are the sum of two int8 parts.
public enum FineOutputs {
  /// Largest part of a layer's products that is worth it: a twelfth.
  private static let share = 12

  /// Whether twice the work of some products is little beside a layer's.
  /// - Parameters:
  ///   - weights: of keys, values and attention's output.
  ///   - all: of the layer, those included.
  public static func pay(weights: Int, of all: Int) -> Bool { weights * share <= all }
}

extension LayerWeights {
  /// Whether products of keys, values and attention's output are computed from both parts.
  var isFine: Bool {
    guard case .attention(let attention) = mixer, attention.queryKeyValue.count == 3,
      case .dense(let block) = feedForward
    else { return false }
    let fine = (attention.queryKeyValue.dropFirst() + [attention.output]).map(\.size).reduce(0, +)
    let all = [attention.queryKeyValue[0].size, block.gate?.size ?? 0, block.up.size, block.down.size].reduce(fine, +)
    return FineOutputs.pay(weights: fine, of: all)
  }
}

extension LayerPlan {
  /// Marks those products.
  mutating func refine() {
    for index in 1..<Int(projectionCount) { projections[index].fine = true }
    attentionOutput.fine = true
  }
}

extension MatrixID {
  /// Number of its weights.
  fileprivate var size: Int { outputs * inputs }
}
