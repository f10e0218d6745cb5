// SPDX-License-Identifier: Apache-2.0
// The comparison of the fast path with float32: against divergences computed here from whole windows of logits.

import Basics
import Glibc
import Inference
import Support
import Testing

@Suite struct AgreementTests {
  private static let text: [Int32] = (0..<200).map { (place: Int) -> Int32 in
    let mixed = place * 37 + place * place * 5
    return Int32(3 + mixed % 250)
  }

  private func load(_ name: String, precise: Bool, stepTokens: Int = 16) throws -> LoadedModel {
    let options = LoadedModel.Options(
      precise: precise, threads: 2, contextLength: 128, sequences: 1, stepTokens: stepTokens)
    return try LoadedModel.load(folder: Fixtures.url("models/\(name)"), options: options)
  }

  private func agreement(_ name: String, stepTokens: Int = 16) throws -> Agreement {
    try Agreement(
      fast: try load(name, precise: false, stepTokens: stepTokens),
      precise: try load(name, precise: true, stepTokens: stepTokens))
  }

  @Test("a model agrees with itself wholly, and with the reference on perplexity")
  func itself() throws {
    let model = try load("llama", precise: true)
    var agreement = try Agreement(fast: model, precise: model)
    let reference = try JSONReader.parse(try Fixtures.bytes("models/llama/reference.json"))["sequences"]?["long"]
    let tokens = try #require(reference?["input_ids"]?.arrayValue).compactMap(\.intValue).map(Int32.init)
    let scores = try #require(reference?["next_logprob"]?.arrayValue).compactMap(\.doubleValue)
    let result = try agreement.compare(tokens, window: 128)
    #expect(result.places == tokens.count && result.agreeing == tokens.count)
    #expect(result.largestDivergence < 1e-12)
    let loss = -scores.reduce(0, +) / Double(scores.count)
    #expect(abs(result.precisePerplexity - exp(loss)) < 1e-3 * exp(loss))
    #expect(result.fastPerplexity == result.precisePerplexity)
  }

  @Test("the divergence is the one of the windows' logits", arguments: ["llama-mlx-q4-g64", "gemma2-sliding"])
  func divergence(name: String) throws {
    var (sum, agreeing, largest, places) = (0.0, 0, 0.0, 0)
    for start in stride(from: 0, to: Self.text.count, by: 90) {
      let window = Array(Self.text[start..<min(start + 90, Self.text.count)])
      let exact = try distributions(try load(name, precise: true, stepTokens: 128), window)
      let fast = try distributions(try load(name, precise: false, stepTokens: 128), window)
      for (p, q) in zip(exact, fast) {
        var divergence = 0.0
        for (exact, fast) in zip(p, q) { divergence += exp(exact) * (exact - fast) }
        (sum, largest, places) = (sum + divergence, max(largest, divergence), places + 1)
        agreeing += p.firstIndex(of: p.max()!) == q.firstIndex(of: q.max()!) ? 1 : 0
      }
    }
    for stepTokens in [7, 64, 128] {
      var agreement = try agreement(name, stepTokens: stepTokens)
      let result = try agreement.compare(Self.text, window: 90)
      #expect(result.places == places && places == Self.text.count)
      let (mean, share): (Double, Double) = (sum / Double(places), Double(agreeing) / Double(places))
      #expect(abs(result.meanDivergence - mean) < 1e-9 + 1e-4 * mean)
      #expect(abs(result.largestDivergence - largest) < 1e-9 + 1e-4 * largest)
      #expect(result.topAgreement == share)
    }
  }

  @Test("the fast path of the small models stays near float32, and is not float32", arguments: ["llama-mlx-q4-g64"])
  func bound(name: String) throws {
    var agreement = try agreement(name)
    let result = try agreement.compare(Self.text, window: 100)
    #expect(result.meanDivergence > 0 && result.meanDivergence < 2e-3)
    #expect(abs(result.fastPerplexity / result.precisePerplexity - 1) < 0.01)
  }

  @Test("tokens of the beginning are read in each window, and not compared")
  func beginning() throws {
    var agreement = try agreement("llama-mlx-q4-g64")
    let begun = try agreement.compare(Array(Self.text[2..<30]), beginning: Array(Self.text[..<2]), window: 30)
    // The last token of the beginning foretells the first of the text.
    #expect(begun.places == 29)
    #expect(throws: InferenceProblem.self) { try agreement.compare([1, 2], beginning: [1, 2], window: 2) }
  }

  /// Logarithms of the probabilities after each token.
  private func distributions(_ model: LoadedModel, _ tokens: [Int32]) throws -> [[Double]] {
    var forward = try Forward(model)
    var batch = StepBatch()
    batch.add(try forward.makeSequence(), tokens: tokens, wanted: .all)
    try forward.step(&batch)
    let logits = batch.logits(ofEntry: 0)
    let width = logits.count / tokens.count
    return tokens.indices.map { row in
      let scores = logits[row * width..<(row + 1) * width].map(Double.init)
      let top = scores.max()!
      let sum: Double = scores.reduce(0.0) { (sum: Double, score: Double) in sum + exp(score - top) }
      let total = top + log(sum)
      return scores.map { $0 - total }
    }
  }
}
