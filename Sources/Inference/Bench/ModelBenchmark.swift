// SPDX-License-Identifier: Apache-2.0
// Measures a model as it runs: reading prompts, and decoding one or more texts at a depth. No sampling, no text.

internal import Basics
internal import CKernels
internal import Models

/// Runs a model's forward pass on fixed tokens and takes the time.
public struct ModelBenchmark: ~Copyable {
  /// What a kind of work took.
  public struct Result: Sendable {
    /// Tokens a second of each repetition, all texts together.
    public var samples: [Double]
    /// Their middle.
    public var median: Double { samples.sorted()[samples.count / 2] }
  }

  private var forward: Forward
  private let vocabulary: Int
  private let stepTokens: Int
  /// Bytes of weights that a token reads, and operations it takes, when it is decoded alone.
  public let bytesPerToken: Int
  public let operationsPerToken: Int

  /// Opens buffers and cache.
  public init(_ model: LoadedModel) throws(InferenceProblem) {
    let cost = model.weights.costPerToken(model.architecture)
    bytesPerToken = cost.bytes
    operationsPerToken = cost.operations
    vocabulary = model.architecture.vocabularySize
    stepTokens = model.options.stepTokens
    forward = try Forward(model)
  }

  /// Tokens that differ from place to place and are the same in every run.
  private func tokens(_ count: Int, seed: Int) -> [Int32] {
    (0..<count).map { Int32(($0 &* 7919 &+ seed &* 104729 &+ 11) % vocabulary) }
  }

  /// Feeds tokens to a sequence in steps; the last position's logits are computed, as for an answer.
  private mutating func feed(_ sequence: SequenceID, _ tokens: [Int32]) throws(InferenceProblem) {
    var batch = StepBatch(tokenCapacity: stepTokens, entryCapacity: 1)
    for first in stride(from: 0, to: tokens.count, by: stepTokens) {
      let end = min(first + stepTokens, tokens.count)
      batch.removeAll()
      batch.add(sequence, tokens: tokens[first..<end], wanted: end == tokens.count ? .last : .none)
      try forward.step(&batch)
    }
  }

  /// Reads a prompt of `count` tokens behind `depth` others.
  public mutating func prefill(
    _ count: Int, depth: Int, repetitions: Int
  ) throws(InferenceProblem) -> Result {
    let sequence = try forward.makeSequence()
    defer { forward.release(sequence) }
    if depth > 0 { try feed(sequence, tokens(depth, seed: 1)) }
    var result = Result(samples: [])
    for repetition in 0...repetitions {
      let prompt = tokens(count, seed: repetition + 2)
      let begin = ContinuousClock.now
      try feed(sequence, prompt)
      let seconds = (ContinuousClock.now - begin).seconds
      // The first only warms the caches up.
      if repetition > 0 { result.samples.append(Double(count) / seconds) }
      try rewind(sequence, to: depth, seed: 1)
    }
    return result
  }

  /// Takes a sequence back to its first `depth` tokens; where that is impossible they are read again.
  private mutating func rewind(_ sequence: SequenceID, to depth: Int, seed: Int) throws(InferenceProblem) {
    let kept = forward.truncate(sequence, to: depth)
    if kept < depth { try feed(sequence, tokens(depth, seed: seed)) }
  }

  /// Decodes `count` tokens of each of `batch` texts behind `depth` others.
  public mutating func decode(
    _ count: Int, depth: Int, batch size: Int, repetitions: Int
  ) throws(InferenceProblem) -> Result {
    var sequences: [SequenceID] = []
    defer { for sequence in sequences { forward.release(sequence) } }
    for index in 0..<size {
      let sequence = try forward.makeSequence()
      sequences.append(sequence)
      if depth > 0 { try feed(sequence, tokens(depth, seed: index)) }
    }
    var result = Result(samples: [])
    var batch = StepBatch(tokenCapacity: size, entryCapacity: size)
    for repetition in 0...repetitions {
      let text = tokens(count * size, seed: repetition)
      let begin = ContinuousClock.now
      for step in 0..<count {
        batch.removeAll()
        for (index, sequence) in sequences.enumerated() { batch.add(sequence, token: text[step * size + index]) }
        try forward.step(&batch)
      }
      let seconds = (ContinuousClock.now - begin).seconds
      if repetition > 0 { result.samples.append(Double(count * size) / seconds) }
      for (index, sequence) in sequences.enumerated() { try rewind(sequence, to: depth, seed: index) }
    }
    return result
  }
}
