// SPDX-License-Identifier: Apache-2.0
// From logits to a token. What a request carries from token to token is its penalties' counts and a
// step number; draws are a function of (seed, choice, step), so neighbours in a batch change nothing.

internal import CKernels

/// Memory that sampling needs, shared by all requests of an engine since they sample one after the other.
package struct SamplerWorkspace {
  /// Softmax weights, the heaviest being 1.  // [vocabulary]
  var weights: [Float]
  var candidates = Candidates()
  /// Logits as they were before bias and penalties.
  var changes: [(token: Int32, logit: Float)] = []
  let isa: ck_isa

  package init(vocabulary: Int) {
    weights = Array(repeating: 0, count: vocabulary)
    isa = ck_isa_detect()
  }
}

/// Chooses the tokens of one answer.
package struct Sampler {
  let parameters: SamplingParameters
  /// How many alternatives to report beside each token; nil reports no scores at all.
  let scoreCount: Int?
  private let random: CounterRandom
  private var penalties: Penalties
  private var step: UInt64 = 0

  package init(_ parameters: SamplingParameters, seed: UInt64, choice: UInt32, scoreCount: Int?, prompt: [Int32]) {
    self.parameters = parameters
    self.scoreCount = scoreCount
    random = CounterRandom(seed: seed, stream: choice)
    penalties = Penalties(parameters, prompt: prompt)
  }

  /// Whether tokens have to be recorded.
  var remembers: Bool { penalties.remembers }

  /// Counts the token that was chosen last, the last of `history`.
  package mutating func record(_ history: [Int32]) { penalties.record(history) }

  /// Chooses the next token; the logits are changed in place.
  package mutating func next(
    _ logits: UnsafeMutableBufferPointer<Float>, workspace: inout SamplerWorkspace
  ) -> (token: Int32, score: ScoredToken?) {
    let scores = scoreCount.map { Scores(logits, count: $0, isa: workspace.isa) }
    workspace.changes.removeAll(keepingCapacity: true)
    if penalties.isActive { penalties.apply(logits, changes: &workspace.changes) }
    let token = choose(logits, workspace: &workspace)
    step += 1
    guard let scores else { return (token, nil) }
    let original = workspace.changes.first { $0.token == token }?.logit ?? logits[Int(token)]
    return (token, scores.of(token, logit: original))
  }

  private func choose(
    _ logits: UnsafeMutableBufferPointer<Float>, workspace: inout SamplerWorkspace
  ) -> Int32 {
    var best = ck_argmax(logits.baseAddress, Int32(logits.count))
    if logits[Int(best)].isNaN {
      // A broken weight must not hide the tokens that still have a value.
      for token in logits.indices where logits[token].isNaN { logits[token] = -.infinity }
      best = ck_argmax(logits.baseAddress, Int32(logits.count))
    }
    let top = logits[Int(best)]
    guard !parameters.isGreedy, top.isFinite else { return best }
    let mass = Exponential.weights(
      logits, top: top, factor: 1 / parameters.temperature, into: &workspace.weights)
    let uniform = random.uniform(step: step)
    guard parameters.truncates else {
      return Self.draw(workspace.weights, count: logits.count, share: uniform * mass) ?? best
    }
    truncate(mass: mass, count: logits.count, &workspace)
    return workspace.candidates.draw(uniform) ?? best
  }

  /// The token at a share of all the mass.
  private static func draw(_ weights: [Float], count: Int, share: Double) -> Int32? {
    var left = share
    for token in 0..<count {
      left -= Double(weights[token])
      if left < 0 { return Int32(token) }
    }
    return nil  // rounding left a crumb
  }

  /// Leaves in the workspace the tokens that may be drawn.
  private func truncate(mass: Double, count: Int, _ workspace: inout SamplerWorkspace) {
    // e^-12 of the best token's weight: nearly always enough, and a few hundred tokens.
    let guess: Float = 6e-6
    let floor = max(parameters.minP, guess)
    workspace.candidates.gather(workspace.weights, count: count, floor: floor)
    if floor > parameters.minP && !suffices(workspace.candidates, mass: mass) {
      workspace.candidates.gather(workspace.weights, count: count, floor: parameters.minP)
    }
    if parameters.topK > 0 { workspace.candidates.keep(count: parameters.topK) }
    if parameters.topP < 1 {
      // Top-p counts shares of what top-k left; min-p alone has cut nothing yet in this order.
      let whole = parameters.topK > 0 && parameters.topK < count ? workspace.candidates.mass : mass
      workspace.candidates.keep(mass: Double(parameters.topP) * whole)
    }
    if parameters.minP > 0 { workspace.candidates.keep(atLeast: parameters.minP) }
  }

  /// Whether the tokens gathered by a guess hold all that truncation will keep.
  private func suffices(_ candidates: Candidates, mass: Double) -> Bool {
    if parameters.topK > 0 && candidates.items.count >= parameters.topK { return true }
    return parameters.topK == 0 && parameters.topP < 1 && candidates.mass >= Double(parameters.topP) * mass
  }
}
