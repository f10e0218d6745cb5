// SPDX-License-Identifier: Apache-2.0
// Mixture of experts: the router chooses for each token, then every chosen expert works on its tokens together.
// Experts come in rising order, so that a token's sum has one order whatever else is in the step.

import CKernels
import Models

/// A mixture of experts as the kernels are called with it.
struct ExpertsPlan {
  var router: ck_output
  var experts: UnsafeMutablePointer<ck_feed_forward>
  var choice: ExpertChoice
  /// The MLP every token passes, and the matrix of its gate.
  var shared: ck_feed_forward?
  var sharedGate: ck_output?
}

/// Which experts the tokens of a step go to; the memory is kept between layers and steps.
struct Routing {
  /// [tokens, perToken]: experts and their weights.
  private var chosen: [Int32] = []
  private var weights: [Float] = []
  /// Tokens of each expert, one expert after the other: places in `chosen`.
  private var order: [Int32] = []
  private var starts: [Int32] = []
  /// [experts]: a token's scores as they are compared.
  private var ranks: [Float] = []

  /// Makes the choice from the router's logits [tokens, experts], which are overwritten with scores.
  mutating func choose(_ choice: ExpertChoice, isa: ck_isa, logits: UnsafeMutablePointer<Float>, tokens: Int) {
    let (count, perToken) = (choice.count, choice.perToken)
    chosen.resize(tokens * perToken)
    weights.resize(tokens * perToken)
    starts.resize(count + 1)
    order.resize(tokens * perToken)
    ranks.resize(count)
    for index in starts.indices { starts[index] = 0 }
    chosen.withUnsafeMutableBufferPointer { chosen in
      weights.withUnsafeMutableBufferPointer { weights in
        ranks.withUnsafeMutableBufferPointer { ranks in
          guard let chosen = chosen.baseAddress, let weights = weights.baseAddress, let ranks = ranks.baseAddress
          else { return }
          for token in 0..<tokens {
            let place = token * perToken
            choice.choose(
              isa, logits: logits + token * count, ranks: ranks, experts: chosen + place, weights: weights + place)
          }
        }
      }
    }
    for expert in chosen { starts[Int(expert) + 1] += 1 }
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
  /// added = the weighted sum of each token's experts, and the shared one's output.
  mutating func mix(_ plan: LayerPlan, _ experts: ExpertsPlan, tokens: Int) {
    let (width, perToken) = (model.architecture.hiddenSize, experts.choice.perToken)
    var input = plan.feedInput
    input.tokens = Int32(tokens)
    var router = experts.router
    ck_project(pool, isa, &input, &router, 1, space.scratch)
    routing.choose(experts.choice, isa: isa, logits: space.routing, tokens: tokens)
    space.added.update(repeating: 0, count: tokens * width)
    share(plan, experts, tokens: tokens)
    input.x = UnsafePointer(space.gathered)
    for expert in 0..<experts.choice.count {
      let rows = routing.count(of: expert)
      guard rows > 0 else { continue }
      for row in 0..<rows {
        let (token, _) = routing.row(row, of: expert, perToken: perToken)
        (space.gathered + row * width).update(from: space.hidden + token * width, count: width)
      }
      input.tokens = Int32(rows)
      ck_feed(pool, isa, &input, experts.experts + expert, space.scratch)
      for row in 0..<rows {
        let (token, weight) = routing.row(row, of: expert, perToken: perToken)
        ck_add_scaled(isa, space.added + token * width, space.produced + row * width, weight, Int32(width))
      }
    }
  }

  /// Adds the shared expert's output; the router's logits are no longer needed.
  private func share(_ plan: LayerPlan, _ experts: ExpertsPlan, tokens: Int) {
    guard var shared = experts.shared else { return }
    let width = model.architecture.hiddenSize
    var input = plan.feedInput
    input.tokens = Int32(tokens)
    ck_feed(pool, isa, &input, &shared, space.scratch)
    if var gate = experts.sharedGate { ck_project(pool, isa, &input, &gate, 1, space.scratch) }
    for token in 0..<tokens {
      var weight: Float = 1
      if experts.sharedGate != nil { ck_gate(isa, space.routing + token, 1, &weight) }
      ck_add_scaled(isa, space.added + token * width, space.produced + token * width, weight, Int32(width))
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
