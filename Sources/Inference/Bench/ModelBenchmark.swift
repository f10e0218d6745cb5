// SPDX-License-Identifier: Apache-2.0
// Measures a model as it runs: reading prompts and decoding, one text or several together, at a depth. No sampling, no text.

internal import Basics
internal import CKernels
internal import Models

/// Runs a model's forward pass on fixed tokens and takes the time.
public struct ModelBenchmark: ~Copyable {
  /// What is measured.
  public struct Setting: Sendable, Equatable {
    /// Kinds of work.
    public enum Test: String, Sendable { case prefill, decode }
    public var test: Test
    /// Tokens of each text.
    public var tokens: Int
    /// Tokens that stand before them.
    public var depth: Int
    /// Texts at once.
    public var batch: Int

    public init(_ test: Test, tokens: Int, depth: Int, batch: Int) {
      self.test = test
      self.tokens = tokens
      self.depth = depth
      self.batch = batch
    }
  }

  /// What it took.
  public struct Result: Sendable {
    public var setting: Setting
    /// Tokens a second of each repetition, all texts together.
    public var samples: [Double] = []
    /// Weights, keys and values read for a token, and operations on them.
    var bytesPerToken: Double
    var operationsPerToken: Double

    /// The middle of the samples.
    public var tokensPerSecond: Double { samples.isEmpty ? 0 : samples.sorted()[samples.count / 2] }
    public var bytesPerSecond: Double { tokensPerSecond * bytesPerToken }
    public var operationsPerSecond: Double { tokensPerSecond * operationsPerToken }
  }

  private var forward: Forward
  private let cost: StepCost
  private let vocabulary: Int
  private let stepTokens: Int
  /// Holds the tokens that stand before those that are measured; kept from one setting to the next.
  private let base: SequenceID

  /// Opens buffers and cache.
  public init(_ model: LoadedModel) throws(InferenceProblem) {
    var forward = try Forward(model)
    base = try forward.makeSequence()
    self.forward = forward
    cost = StepCost(model)
    vocabulary = model.architecture.vocabularySize
    stepTokens = model.options.stepTokens
  }

  /// Bytes of all weights, as the kernels read them.
  public var weightBytes: Int { cost.weightBytes }

  /// Measures one setting.
  /// - Parameters:
  ///   - repetitions: samples; of many long prompts together fewer are taken, since one takes as long as many.
  ///   - isCancelled: asked between samples.
  public mutating func measure(
    _ setting: Setting, repetitions: Int, isCancelled: () -> Bool = { false }
  ) throws(InferenceProblem) -> Result {
    try stand(at: setting.depth)
    var sequences = [base]
    defer { for sequence in sequences.dropFirst() { forward.release(sequence) } }
    while sequences.count < setting.batch { sequences.append(try forward.duplicate(base)) }
    var result = emptyResult(setting)
    let isLong = setting.test == .prefill && setting.tokens * setting.batch > 4 * stepTokens
    // The first repetition only warms the caches up.
    let warming = isLong ? 0 : 1
    for repetition in 0..<(isLong ? max(1, repetitions / setting.batch) : repetitions) + warming where !isCancelled() {
      let text = tokens(setting.tokens * setting.batch, seed: repetition + 2)
      let begin = ContinuousClock.now
      switch setting.test {
      case .prefill: try read(sequences, text, each: setting.tokens)
      case .decode: try decode(sequences, text)
      }
      let seconds = (ContinuousClock.now - begin).seconds
      if repetition >= warming { result.samples.append(Double(text.count) / seconds) }
      for sequence in sequences { try rewind(sequence, to: setting.depth) }
    }
    return result
  }

  /// Tokens of the prompt that `firstToken` reads.
  public static let firstTokenPrompt = 20

  /// Milliseconds from a short prompt to its logits.
  public mutating func firstToken() throws(InferenceProblem) -> Double {
    let count = Self.firstTokenPrompt
    let result = try measure(Setting(.prefill, tokens: count, depth: 0, batch: 1), repetitions: 3)
    return 1000 * Double(count) / result.tokensPerSecond
  }

  private func emptyResult(_ setting: Setting) -> Result {
    let all = setting.tokens * setting.batch
    let middle = Double(setting.depth) + Double(setting.tokens + 1) / 2
    guard setting.test == .prefill else {
      return Result(
        setting: setting,
        bytesPerToken: cost.weightBytes(tokens: setting.batch) / Double(setting.batch)
          + cost.cacheBytes(position: middle),
        operationsPerToken: cost.operations(position: middle, output: true))
    }
    // The cache is read a tile of tokens at a time: next to nothing for each. Only the last position has logits.
    let steps = (all + stepTokens - 1) / stepTokens
    let (inner, last) = (
      cost.operations(position: middle, output: false), cost.operations(position: middle, output: true)
    )
    return Result(
      setting: setting,
      bytesPerToken: cost.weightBytes(tokens: min(all, stepTokens)) * Double(steps) / Double(all),
      operationsPerToken: inner + (last - inner) / Double(setting.tokens))
  }

  /// Tokens that differ from place to place and are the same in every run.
  private func tokens(_ count: Int, seed: Int) -> [Int32] {
    (0..<count).map { Int32(($0 &* 7919 &+ seed &* 104729 &+ 11) % vocabulary) }
  }

  /// Brings the base to a depth.
  private mutating func stand(at depth: Int) throws(InferenceProblem) {
    try rewind(base, to: depth)
    let length = forward.length(of: base)
    if length < depth { try read([base], Array(tokens(depth, seed: 1)[length...]), each: depth - length) }
  }

  /// Takes a sequence back to its first `depth` tokens; where that is impossible they are read again.
  private mutating func rewind(_ sequence: SequenceID, to depth: Int) throws(InferenceProblem) {
    let before = forward.length(of: sequence)
    guard before > depth else { return }
    let kept = forward.truncate(sequence, to: depth)
    if kept < depth { try read([sequence], Array(tokens(depth, seed: 1)[kept...]), each: depth - kept) }
  }

  /// Feeds each sequence its part of a text, in steps as full as they may be; the last position's logits are
  /// computed, as for an answer.
  private mutating func read(
    _ sequences: [SequenceID], _ text: [Int32], each count: Int
  ) throws(InferenceProblem) {
    var batch = StepBatch(tokenCapacity: stepTokens, entryCapacity: sequences.count)
    for (index, sequence) in sequences.enumerated() {
      let end = (index + 1) * count
      var next = index * count
      while next < end {
        if batch.tokenCount == stepTokens {
          try forward.step(&batch)
          batch.removeAll()
        }
        let size = min(end - next, stepTokens - batch.tokenCount)
        batch.add(sequence, tokens: text[next..<next + size], wanted: next + size == end ? .last : .none)
        next += size
      }
    }
    if batch.tokenCount > 0 { try forward.step(&batch) }
  }

  /// Feeds all sequences a token at a time, the text's tokens in turn.
  private mutating func decode(_ sequences: [SequenceID], _ text: [Int32]) throws(InferenceProblem) {
    let size = sequences.count
    var batch = StepBatch(tokenCapacity: size, entryCapacity: size)
    for first in stride(from: 0, to: text.count, by: size) {
      batch.removeAll()
      for (index, sequence) in sequences.enumerated() { batch.add(sequence, token: text[first + index]) }
      try forward.step(&batch)
    }
  }
}

extension Forward {
  /// Opens a sequence that holds what another does, in pages of its own.
  mutating func duplicate(_ source: SequenceID) throws(InferenceProblem) -> SequenceID {
    let copy = try makeSequence()
    let count = length(of: source)
    do throws(InferenceProblem) { try pages.reserve(copy.slot, count: count) } catch {
      release(copy)
      throw error
    }
    let (from, to) = (pages.table(source.slot), pages.table(copy.slot))
    for index in 0..<pages.slots[Int(copy.slot)].pageCount {
      (pages.base + Int(to[index]) * pages.pageBytes).copyMemory(
        from: pages.base + Int(from[index]) * pages.pageBytes, byteCount: pages.pageBytes)
    }
    pages.advance(copy.slot, by: count)
    if states.size > 0 {
      states.state(copy.slot, at: 0).update(from: states.state(source.slot, at: 0), count: states.size)
    }
    if rotations.switchLength != nil, count > 0 {
      history.record(copy.slot, at: 0, history.prefix(source.slot, count)[...])
    }
    return copy
  }
}
