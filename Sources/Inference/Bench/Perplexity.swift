// SPDX-License-Identifier: Apache-2.0
// How well a model foretells a text: the mean of -log p(token | those before it in its window), and its exponential.

internal import CKernels
internal import Glibc

/// Scores texts with one model.
public struct Perplexity: ~Copyable {
  /// What came of a text.
  public struct Result: Sendable {
    /// Tokens that were foretold, and windows they stood in.
    public internal(set) var count = 0
    public internal(set) var windows = 0
    private var sum = 0.0
    private var squares = 0.0

    /// Mean negative log likelihood of a token, in nats.
    public var mean: Double { count > 0 ? sum / Double(count) : .nan }
    public var perplexity: Double { exp(mean) }
    /// Standard error of the mean.
    public var standardError: Double {
      count > 1 ? (max(0, squares / Double(count) - mean * mean) / Double(count - 1)).squareRoot() : .nan
    }

    mutating func add(_ loss: Double) {
      count += 1
      sum += loss
      squares += loss * loss
    }
  }

  private var forward: Forward
  private var batch: StepBatch
  private let isa = ck_isa_detect()

  /// Opens the model for scoring. Logits of a whole step are kept: let `stepTokens` of its options be small.
  public init(_ model: LoadedModel) throws(InferenceProblem) {
    forward = try Forward(model)
    batch = StepBatch(tokenCapacity: model.options.stepTokens, entryCapacity: 1)
  }

  /// Scores tokens in windows that know nothing of each other.
  /// - Parameters:
  ///   - beginning: tokens at the start of each window, which are not scored.
  ///   - window: tokens of a window, those of the beginning counted. Without a beginning the first token of each is
  ///     not scored.
  ///   - proceeds: called with the tokens done after each step; false ends the work.
  public mutating func score(
    _ tokens: [Int32], beginning: [Int32], window: Int, proceeds: (Int) -> Bool
  ) throws(InferenceProblem) -> Result {
    var result = Result()
    for (tokens, end) in try TextWindows(tokens, behind: beginning, width: window, least: 2) where tokens.count > 1 {
      try score(tokens, from: max(beginning.count, 1), into: &result)
      result.windows += 1
      guard proceeds(end) else { break }
    }
    return result
  }

  /// Scores the tokens of one window from place `first` on.
  private mutating func score(_ window: [Int32], from first: Int, into result: inout Result) throws(InferenceProblem) {
    let sequence = try forward.makeSequence(expectedLength: window.count)
    defer { forward.release(sequence) }
    // The last token foretells nothing.
    let read = window.count - 1
    for start in stride(from: 0, to: read, by: forward.stepTokens) {
      let end = min(start + forward.stepTokens, read)
      batch.removeAll()
      batch.add(sequence, tokens: window[start..<end], wanted: .all)
      try forward.step(&batch)
      let logits = batch.logits(ofEntry: 0)
      let width = logits.count / (end - start)
      for row in max(0, first - 1 - start)..<max(end - start, first - 1 - start) {
        let scores = UnsafeMutableBufferPointer(rebasing: logits[row * width..<(row + 1) * width])
        let total = ck_log_sum_exp(isa, scores.baseAddress, Int32(width))
        result.add(Double(total) - Double(scores[Int(window[start + row + 1])]))
      }
    }
  }
}
