// SPDX-License-Identifier: Apache-2.0
// Mixture of experts: the router chooses for each token, then every chosen expert works on its tokens together.
// Experts come in rising order, so that a token's sum has one order whatever else is in the step.

import CKernels
import Models

/// Which experts the tokens of a step go to; the memory is kept between layers and steps.
struct Routing {
  /// [tokens, perToken]: experts and their weights.
  private var chosen: [Int32] = []
  private var weights: [Float] = []
  /// Tokens of each expert, one expert after the other: places in `chosen`.
  private var order: [Int32] = []
  private var starts: [Int32] = []

  /// Makes the choice from the router's logits [tokens, experts], which are overwritten with probabilities.
  mutating func choose(_ plan: ExpertsPlan, isa: ck_isa, logits: UnsafeMutablePointer<Float>, tokens: Int) {
    let (count, perToken) = (plan.count, plan.perToken)
    chosen.resize(tokens * perToken)
    weights.resize(tokens * perToken)
    starts.resize(count + 1)
    order.resize(tokens * perToken)
    for index in starts.indices { starts[index] = 0 }
    chosen.withUnsafeMutableBufferPointer { chosen in
      for token in 0..<tokens {
        let row = logits + token * count
        ck_softmax(isa, row, Int32(count))
        let place = token * perToken
        ck_top_k(row, Int32(count), Int32(perToken), chosen.baseAddress.map { $0 + place })
        var total: Float = 0
        for k in place..<place + perToken { total += row[Int(chosen[k])] }
        for k in place..<place + perToken {
          weights[k] = row[Int(chosen[k])] / (plan.normalizesChosen ? total : 1)
          starts[Int(chosen[k]) + 1] += 1
        }
      }
    }
    for expert in 0..<count { starts[expert + 1] += starts[expert] }
    var next = starts
    for place in 0..<tokens * perToken {
      let expert = Int(chosen[place])
      order[Int(next[expert])] = Int32(place)
      next[expert] += 1
    }
  }

  /// Tokens of an expert.
  func count(of expert: Int) -> Int { Int(starts[expert + 1] - starts[expert]) }

  /// The token and weight of an expert's `index`-th row.
  func row(_ index: Int, of expert: Int, perToken: Int) -> (token: Int, weight: Float) {
    let place = Int(order[Int(starts[expert]) + index])
    return (place / perToken, weights[place])
  }
}

extension Forward {
  /// added = the weighted sum of each token's experts.
  mutating func mix(_ plan: LayerPlan, _ experts: ExpertsPlan, tokens: Int) {
    let width = model.architecture.hiddenSize
    var input = plan.feedInput
    input.tokens = Int32(tokens)
    var router = experts.router
    ck_project(pool, isa, &input, &router, 1, space.scratch)
    routing.choose(experts, isa: isa, logits: space.routing, tokens: tokens)
    space.added.update(repeating: 0, count: tokens * width)
    input.x = UnsafePointer(space.gathered)
    for expert in 0..<experts.count {
      let rows = routing.count(of: expert)
      guard rows > 0 else { continue }
      for row in 0..<rows {
        let (token, _) = routing.row(row, of: expert, perToken: experts.perToken)
        (space.gathered + row * width).update(from: space.hidden + token * width, count: width)
      }
      input.tokens = Int32(rows)
      ck_feed(pool, isa, &input, experts.experts + expert, space.scratch)
      for row in 0..<rows {
        let (token, weight) = routing.row(row, of: expert, perToken: experts.perToken)
        ck_add_scaled(isa, space.added + token * width, space.produced + row * width, weight, Int32(width))
      }
    }
  }
}

extension Array where Element: BitwiseCopyable & AdditiveArithmetic {
  /// Changes the count and keeps the memory.
  fileprivate mutating func resize(_ count: Int) {
    if self.count > count { removeLast(self.count - count) }
    while self.count < count { append(.zero) }
  }
}
