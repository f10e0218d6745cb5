// SPDX-License-Identifier: Apache-2.0
// How far the fast path is from `--precise` on the same weights: both read one text, and their distributions are compared
// at every place.

internal import CKernels
internal import Glibc
internal import Models

/// Compares two ways of computing one model, token for token.
public struct Agreement: ~Copyable {
  /// What came of a text.
  public struct Result: Sendable {
    /// Places at which both foretold what comes next.
    public internal(set) var places = 0
    /// Those of them at which both hold the same token to be the likeliest.
    public internal(set) var agreeing = 0
    /// The largest divergence of all places, in nats.
    public internal(set) var largestDivergence = 0.0
    var divergence = 0.0
    /// Places whose next token is known, and its negative log likelihood there.
    var foretold = 0
    var fastLoss = 0.0
    var preciseLoss = 0.0

    /// Mean Kullback-Leibler divergence of the fast distribution from the precise one, in nats.
    public var meanDivergence: Double { places > 0 ? divergence / Double(places) : .nan }
    /// Share of the places with the same likeliest token.
    public var topAgreement: Double { places > 0 ? Double(agreeing) / Double(places) : .nan }
    public var fastPerplexity: Double { exp(foretold > 0 ? fastLoss / Double(foretold) : .nan) }
    public var precisePerplexity: Double { exp(foretold > 0 ? preciseLoss / Double(foretold) : .nan) }
  }

  private var fast: Forward
  private var precise: Forward
  private var batches: (fast: StepBatch, precise: StepBatch)

  /// Opens both for reading. Logits of whole steps are kept: let `stepTokens` of their options be small, and the same.
  public init(fast: LoadedModel, precise: LoadedModel) throws(InferenceProblem) {
    let (width, other) = (fast.architecture.vocabularySize, precise.architecture.vocabularySize)
    guard width == other else { throw .invalidOption(name: "vocabulary", value: width, allowed: "\(other)") }
    let forward = try Forward(fast)
    self.precise = try Forward(precise)
    self.fast = forward
    batches = (
      StepBatch(tokenCapacity: fast.options.stepTokens, entryCapacity: 1),
      StepBatch(tokenCapacity: fast.options.stepTokens, entryCapacity: 1)
    )
  }

  /// Compares over windows that know nothing of each other.
  /// - Parameters:
  ///   - beginning: tokens at the start of each window; nothing is compared before the last of them.
  ///   - window: tokens of a window, those of the beginning counted.
  public mutating func compare(
    _ tokens: [Int32], beginning: [Int32] = [], window: Int
  ) throws(InferenceProblem) -> Result {
    var result = Result()
    for (tokens, _) in try TextWindows(tokens, behind: beginning, width: window, least: 1) {
      try compare(tokens, from: max(0, beginning.count - 1), into: &result)
    }
    return result
  }

  /// Compares at the places of one window from `first` on.
  private mutating func compare(_ window: [Int32], from first: Int, into result: inout Result) throws(InferenceProblem)
  {
    let fastText = try fast.makeSequence(expectedLength: window.count)
    defer { fast.release(fastText) }
    let preciseText = try precise.makeSequence(expectedLength: window.count)
    defer { precise.release(preciseText) }
    let most = min(fast.stepTokens, precise.stepTokens)
    for start in stride(from: 0, to: window.count, by: most) {
      let end = min(start + most, window.count)
      batches.fast.removeAll()
      batches.fast.add(fastText, tokens: window[start..<end], wanted: .all)
      try fast.step(&batches.fast)
      batches.precise.removeAll()
      batches.precise.add(preciseText, tokens: window[start..<end], wanted: .all)
      try precise.step(&batches.precise)
      let (approximate, exact) = (batches.fast.logits(ofEntry: 0), batches.precise.logits(ofEntry: 0))
      let width = exact.count / (end - start)
      for place in max(start, first)..<max(end, first) {
        let row = (place - start) * width..<(place - start + 1) * width
        result.add(
          fast: UnsafeBufferPointer(rebasing: approximate[row]), precise: UnsafeBufferPointer(rebasing: exact[row]),
          next: place + 1 < window.count ? Int(window[place + 1]) : nil)
      }
    }
  }
}

extension Agreement.Result {
  /// Takes the logits of one place, and the token that follows it.
  mutating func add(fast: UnsafeBufferPointer<Float>, precise: UnsafeBufferPointer<Float>, next: Int?) {
    let count = Int32(precise.count)
    let (likeliest, other) = (ck_argmax(precise.baseAddress, count), ck_argmax(fast.baseAddress, count))
    // In double throughout: a small divergence is a difference of numbers much larger than itself.
    let (top, otherTop) = (Double(precise[Int(likeliest)]), Double(fast[Int(other)]))
    var (sum, otherSum, weighted) = (0.0, 0.0, 0.0)
    for index in precise.indices {
      let (exact, approximate) = (Double(precise[index]) - top, Double(fast[index]) - otherTop)
      let weight = exp(exact)
      sum += weight
      otherSum += exp(approximate)
      weighted += weight * (exact - approximate)
    }
    let (logSum, otherLogSum) = (log(sum), log(otherSum))
    let divergence = max(0, weighted / sum - logSum + otherLogSum)
    places += 1
    agreeing += likeliest == other ? 1 : 0
    self.divergence += divergence
    largestDivergence = max(largestDivergence, divergence)
    guard let next else { return }
    foretold += 1
    preciseLoss += logSum + top - Double(precise[next])
    fastLoss += otherLogSum + otherTop - Double(fast[next])
  }
}
