// SPDX-License-Identifier: Apache-2.0

import Glibc
import Inference
import Testing

@Suite("Sampler")
struct SamplerTests {
  /// Draws from one distribution, again and again.
  static func draws(_ logits: [Float], _ parameters: SamplingParameters, count: Int, seed: UInt64 = 1) -> [Int32] {
    var sampler = Sampler(parameters, seed: seed, choice: 0, scoreCount: nil, prompt: [])
    var workspace = SamplerWorkspace(vocabulary: logits.count)
    return (0..<count).map { _ in
      var row = logits
      return row.withUnsafeMutableBufferPointer { sampler.next($0, workspace: &workspace).token }
    }
  }

  /// Logits as models have them: a few high, many low, some equal.
  static func logits(_ count: Int, seed: UInt64) -> [Float] {
    let random = CounterRandom(seed: seed)
    return (0..<count).map { index in
      let value = Float(random.uniform(step: UInt64(index)))
      return index % 97 == 3 ? 12 * value : (8 * value).rounded() / 2 - 4
    }
  }

  /// The tokens that may be drawn, and their probabilities, by sorting everything.
  static func reference(_ logits: [Float], _ parameters: SamplingParameters) -> [Int32: Double] {
    let top = logits.max() ?? 0
    var items = logits.enumerated().map {
      (token: Int32($0), weight: exp(Double($1 - top) / Double(parameters.temperature)))
    }
    items.sort { $0.weight > $1.weight || ($0.weight == $1.weight && $0.token < $1.token) }
    if parameters.topK > 0 { items = Array(items.prefix(parameters.topK)) }
    let whole = items.reduce(0) { $0 + $1.weight }
    if parameters.topP < 1 {
      var sum = 0.0
      let count = items.firstIndex { item in
        sum += item.weight
        return sum >= Double(parameters.topP) * whole
      }
      items = Array(items.prefix((count ?? items.count - 1) + 1))
    }
    items.removeAll { $0.weight < Double(parameters.minP) }
    let mass = items.reduce(0) { $0 + $1.weight }
    return Dictionary(uniqueKeysWithValues: items.map { ($0.token, $0.weight / mass) })
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var size = 1000
    var temperature: Float = 1
    var topK = 0
    var topP: Float = 1
    var minP: Float = 0
    var testDescription: String { "\(size) tokens, t \(temperature) k \(topK) p \(topP) m \(minP)" }

    var parameters: SamplingParameters {
      var parameters = SamplingParameters()
      parameters.temperature = temperature
      parameters.topK = topK
      parameters.topP = topP
      parameters.minP = minP
      return parameters
    }
  }

  @Test(
    "draws what a full sort would leave, as often as its probability says",
    arguments: [
      Case(), Case(temperature: 0.5), Case(temperature: 3), Case(topK: 1), Case(topK: 5), Case(topK: 40),
      Case(topK: 999), Case(topK: 5000), Case(topP: 0.1), Case(topP: 0.5), Case(topP: 0.95), Case(topP: 0.999),
      Case(minP: 0.05), Case(minP: 0.9), Case(topK: 50, topP: 0.9, minP: 0.01),
      Case(temperature: 5, topP: 0.99), Case(size: 1, topP: 0.9), Case(size: 2, topK: 1), Case(size: 7, topP: 0.7),
      Case(size: 33, temperature: 0.01), Case(size: 50_000, temperature: 0.8, topK: 40, topP: 0.95),
      Case(size: 50_000, temperature: 2, topP: 0.9),
    ])
  func distribution(_ one: Case) {
    let logits = Self.logits(one.size, seed: 11)
    let expected = Self.reference(logits, one.parameters)
    let count = one.size > 10_000 ? 300 : 4000
    var seen: [Int32: Int] = [:]
    for token in Self.draws(logits, one.parameters, count: count) { seen[token, default: 0] += 1 }
    for token in seen.keys { #expect(expected[token] != nil, "token \(token) was cut") }
    for (token, probability) in expected where probability > 0.01 {
      let share = Double(seen[token] ?? 0) / Double(count)
      let deviation = (probability * (1 - probability) / Double(count)).squareRoot()
      #expect(abs(share - probability) < 5 * deviation + 1e-9, "token \(token): \(share) for \(probability)")
    }
  }

  @Test("takes the first of the most likely tokens when greedy")
  func greedy() {
    #expect(Self.draws([1, 5, 5, 2], .greedy, count: 3) == [1, 1, 1])
    #expect(Self.draws([.nan, 1, 3], .greedy, count: 1) == [2])
    var onlyBest = SamplingParameters()
    onlyBest.topP = 0
    #expect(Self.draws([1, 2, 5, 2], onlyBest, count: 3) == [2, 2, 2])
  }

  @Test("survives logits that are no numbers")
  func hostile() {
    let parameters = Case(topK: 3, topP: 0.9).parameters
    #expect(Self.draws([-.infinity, -.infinity], parameters, count: 2).allSatisfy { (0..<2).contains($0) })
    #expect(Self.draws([.nan, .nan, .nan], parameters, count: 2).allSatisfy { (0..<3).contains($0) })
    #expect(Self.draws([.nan, 2, -.infinity], parameters, count: 5) == [1, 1, 1, 1, 1])
    #expect(Self.draws([.infinity, 2, 1], parameters, count: 2) == [0, 0])
  }

  @Test("gives the same tokens for the same seed, and others for another")
  func seeds() {
    let logits = Self.logits(500, seed: 3)
    let first = Self.draws(logits, SamplingParameters(), count: 50, seed: 42)
    #expect(Self.draws(logits, SamplingParameters(), count: 50, seed: 42) == first)
    #expect(Self.draws(logits, SamplingParameters(), count: 50, seed: 43) != first)
  }

  @Test("applies bias and penalties to the tokens they concern")
  func penalties() {
    func next(_ parameters: SamplingParameters, prompt: [Int32], generated: [Int32] = []) -> Int32 {
      var greedy = parameters
      greedy.temperature = 0
      var sampler = Sampler(greedy, seed: 0, choice: 0, scoreCount: nil, prompt: prompt)
      var history = prompt
      for token in generated {
        history.append(token)
        sampler.record(history)
      }
      var row: [Float] = [3, 2.9, -1, 2]
      var workspace = SamplerWorkspace(vocabulary: 4)
      return row.withUnsafeMutableBufferPointer { sampler.next($0, workspace: &workspace).token }
    }
    var parameters = SamplingParameters()
    #expect(next(parameters, prompt: [0]) == 0)
    parameters.repetitionPenalty = 1.1
    #expect(next(parameters, prompt: [0]) == 1)
    #expect(next(parameters, prompt: [0, 1]) == 0)
    #expect(next(parameters, prompt: [0, 2]) == 1)
    parameters.repetitionWindow = 1
    #expect(next(parameters, prompt: [0, 2]) == 0)
    #expect(next(parameters, prompt: [2], generated: [0]) == 1)
    #expect(next(parameters, prompt: [2], generated: [0, 2]) == 0)
    parameters = SamplingParameters()
    parameters.presencePenalty = 0.2
    #expect(next(parameters, prompt: [0]) == 0)
    #expect(next(parameters, prompt: [], generated: [0]) == 1)
    parameters = SamplingParameters()
    parameters.frequencyPenalty = 0.06
    #expect(next(parameters, prompt: [], generated: [0]) == 0)
    #expect(next(parameters, prompt: [], generated: [0, 0]) == 1)
    parameters = SamplingParameters()
    parameters.logitBias = [3: 5, 0: -100]
    #expect(next(parameters, prompt: []) == 3)
  }

  @Test("reports log probabilities of the model's own distribution")
  func scores() throws {
    var parameters = SamplingParameters.greedy
    parameters.logitBias = [2: 50]
    var sampler = Sampler(parameters, seed: 0, choice: 0, scoreCount: 3, prompt: [])
    var workspace = SamplerWorkspace(vocabulary: 5)
    var row: [Float] = [1, 3, 0, 3, -2]
    let (token, score) = row.withUnsafeMutableBufferPointer { sampler.next($0, workspace: &workspace) }
    let found = try #require(score)
    let sum = log([1.0, 3, 0, 3, -2].reduce(0) { $0 + exp($1) })
    #expect(token == 2)
    #expect(abs(Double(found.chosen.logProbability) - (0 - sum)) < 1e-5)
    #expect(found.alternatives.map(\.token) == [1, 3, 0])
    #expect(abs(Double(found.alternatives[0].logProbability) - (3 - sum)) < 1e-5)
  }
}
