// SPDX-License-Identifier: Apache-2.0
// Perplexity against the log probabilities stored beside the models, whole and in windows.

import Basics
import Inference
import Support
import Testing

@Suite struct PerplexityTests {
  private func reference(_ name: String) throws -> (tokens: [Int32], losses: [Double]) {
    let reference = try JSONReader.parse(try Fixtures.bytes("models/\(name)/reference.json"))["sequences"]?["long"]
    let tokens = try #require(reference?["input_ids"]?.arrayValue).compactMap(\.intValue).map(Int32.init)
    let scores = try #require(reference?["next_logprob"]?.arrayValue).compactMap(\.doubleValue)
    return (tokens, scores.map { -$0 })
  }

  private func scoring(_ name: String, stepTokens: Int) throws -> Perplexity {
    try Perplexity(
      try LoadedModel.load(
        folder: Fixtures.url("models/\(name)"),
        options: .init(precise: true, threads: 2, contextLength: 128, sequences: 1, stepTokens: stepTokens)))
  }

  @Test("a window's loss is the reference's, in steps of any size", arguments: [1, 7, 64, 100])
  func whole(stepTokens: Int) throws {
    let (tokens, losses) = try reference("llama")
    var scoring = try scoring("llama", stepTokens: stepTokens)
    let result = try scoring.score(tokens, beginning: [], window: 128) { _ in true }
    #expect(result.count == tokens.count - 1 && result.windows == 1)
    let expected = losses.reduce(0, +) / Double(losses.count)
    #expect(abs(result.mean - expected) < 1e-4)
    #expect(abs(result.perplexity - expected.exponential) < 1e-2)
    let variance = losses.reduce(0) { $0 + ($1 - expected) * ($1 - expected) } / Double(losses.count)
    #expect(abs(result.standardError - (variance / Double(losses.count - 1)).squareRoot()) < 1e-4)
  }

  @Test("windows know nothing of each other; behind a beginning all of their tokens are scored") func windows() throws {
    let (tokens, losses) = try reference("smollm2")
    var scoring = try scoring("smollm2", stepTokens: 16)
    let first = try scoring.score(Array(tokens[..<30]), beginning: [], window: 30) { _ in true }
    #expect(abs(first.mean - losses[..<29].reduce(0, +) / 29) < 1e-4)
    // 100 tokens in windows of 30: three whole ones and one of 10.
    let all = try scoring.score(tokens, beginning: [], window: 30) { _ in true }
    #expect(all.windows == 4 && all.count == 3 * 29 + 9)
    let begun = try scoring.score(Array(tokens[4..<30]), beginning: Array(tokens[..<4]), window: 30) { _ in true }
    #expect(begun.windows == 1 && begun.count == 26)
    #expect(abs(begun.mean - losses[3..<29].reduce(0, +) / 26) < 1e-4)
    var steps = 0
    let stopped = try scoring.score(tokens, beginning: [], window: 30) { _ in
      steps += 1
      return steps < 2
    }
    #expect(stopped.windows == 2)
  }

  @Test("a window too short to foretell anything is refused") func refused() throws {
    var scoring = try scoring("llama", stepTokens: 8)
    #expect(throws: InferenceProblem.self) {
      try scoring.score([1, 2, 3], beginning: [1, 2], window: 3) { _ in true }
    }
  }
}

extension Double {
  /// e to this power, by the series: the tests import no C library for it.
  fileprivate var exponential: Double {
    var (sum, term) = (1.0, 1.0)
    for n in 1..<200 {
      term *= self / Double(n)
      sum += term
    }
    return sum
  }
}
