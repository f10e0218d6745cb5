// SPDX-License-Identifier: Apache-2.0
// `impetus debug forward`: token lists in, logits in brief out, for comparison with a reference
// (docs/debug.md has the lines' form).

public import Basics
internal import Glibc

/// Answers the lines of `debug forward` with one model.
public struct DebugForward: ~Copyable {
  private var forward: Forward
  private var batch: StepBatch
  /// Tokens fed in one step; 0 feeds as many as a step takes.
  private let chunk: Int

  /// Makes the answering side of a loaded model.
  /// - Parameter chunk: tokens of the prompt to feed in one step, 0 for all at once.
  public init(_ model: LoadedModel, chunk: Int = 0) throws(InferenceProblem) {
    guard chunk >= 0 else { throw .invalidOption(name: "chunk", value: chunk, allowed: "0 or more") }
    forward = try Forward(model)
    batch = StepBatch(tokenCapacity: model.options.stepTokens, entryCapacity: 1)
    self.chunk = chunk
  }

  /// Answers `{"tokens": [...], "greedy": n}` with `argmax`, `max_logit` and `logsumexp` of each
  /// position, `last_logits`, and the `greedy` continuation of n tokens.
  /// - Throws: `InferenceProblem` for tokens that are none, or more than fit.
  public mutating func answer(_ question: JSONValue) throws(InferenceProblem) -> JSONValue {
    let tokens = try Self.tokens(question)
    let greedy = question["greedy"]?.intValue ?? 0
    let sequence = try forward.makeSequence(expectedLength: tokens.count)
    defer { forward.release(sequence) }

    var positions = Positions()
    var last: [Float] = []
    var start = 0
    while start < tokens.count {
      let step = min(chunk > 0 ? chunk : tokens.count, forward.stepTokens, tokens.count - start)
      batch.removeAll()
      batch.add(sequence, tokens: tokens[start..<start + step], wanted: .all)
      try forward.step(&batch)
      let logits = batch.logits(ofEntry: 0)
      let width = logits.count / step
      for row in 0..<step { positions.add(logits[row * width..<(row + 1) * width]) }
      start += step
      if start == tokens.count { last = Array(logits[(step - 1) * width..<step * width]) }
    }
    var answer = positions.json
    answer["last_logits"] = .array(last.map { .number(Double($0)) })
    answer["greedy"] = .array(
      try continuation(of: sequence, after: positions.argmax.last ?? 0, count: greedy).map { JSONValue($0) })
    return .object(answer)
  }

  /// The most likely tokens, one after the other; `first` is the one after the prompt.
  private mutating func continuation(
    of sequence: SequenceID, after first: Int, count: Int
  ) throws(InferenceProblem) -> [Int] {
    guard count > 0 else { return [] }
    var chosen = [first]
    while chosen.count < count {
      batch.removeAll()
      batch.add(sequence, token: Int32(chosen[chosen.count - 1]))
      try forward.step(&batch)
      var positions = Positions()
      positions.add(batch.logits(ofEntry: 0)[...])
      chosen.append(positions.argmax[0])
    }
    return chosen
  }

  private static func tokens(_ question: JSONValue) throws(InferenceProblem) -> [Int32] {
    guard let items = question["tokens"]?.arrayValue, !items.isEmpty else {
      throw .invalidOption(name: "tokens", value: 0, allowed: "a list of at least one token")
    }
    var tokens: [Int32] = []
    for item in items {
      guard let number = item.intValue, let token = Int32(exactly: number) else {
        throw .invalidOption(name: "tokens", value: item.intValue ?? -1, allowed: "32-bit integers")
      }
      tokens.append(token)
    }
    return tokens
  }

  /// What is told of each position.
  private struct Positions {
    var argmax: [Int] = []
    var largest: [Double] = []
    var logSumExp: [Double] = []

    mutating func add(_ row: Slice<UnsafeMutableBufferPointer<Float>>) {
      var best = 0
      for (index, value) in row.enumerated() where value > row[row.startIndex + best] { best = index }
      let top = Double(row[row.startIndex + best])
      argmax.append(best)
      largest.append(top)
      logSumExp.append(top + log(row.reduce(0) { $0 + exp(Double($1) - top) }))
    }

    var json: JSONObject {
      [
        "argmax": .array(argmax.map { JSONValue($0) }), "max_logit": .array(largest.map { .number($0) }),
        "logsumexp": .array(logSumExp.map { .number($0) }),
      ]
    }
  }
}
