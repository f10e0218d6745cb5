// SPDX-License-Identifier: Apache-2.0

import Inference
import Testing

@Suite("SamplingParameters")
struct SamplingParametersTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let change: @Sendable (inout SamplingParameters) -> Void
    var testDescription: String { name }
  }

  @Test(
    "refuses values outside their ranges by name",
    arguments: [
      Case(name: "temperature") { $0.temperature = -0.1 }, Case(name: "temperature") { $0.temperature = .nan },
      Case(name: "temperature") { $0.temperature = .infinity }, Case(name: "top_p") { $0.topP = 1.01 },
      Case(name: "top_p") { $0.topP = -1 }, Case(name: "min_p") { $0.minP = 2 }, Case(name: "top_k") { $0.topK = -1 },
      Case(name: "repetition_penalty") { $0.repetitionPenalty = 0 },
      Case(name: "repetition_window") { $0.repetitionWindow = -1 },
      Case(name: "frequency_penalty") { $0.frequencyPenalty = 2.5 },
      Case(name: "presence_penalty") { $0.presencePenalty = -2.5 },
      Case(name: "logit_bias") { $0.logitBias = [1: 101] }, Case(name: "logit_bias") { $0.logitBias = [1: .nan] },
    ])
  func ranges(_ one: Case) {
    var parameters = SamplingParameters()
    one.change(&parameters)
    #expect {
      try parameters.validate(vocabulary: 100)
    } throws: { error in
      if case .outOfRange(let parameter, _, _)? = error as? GenerationProblem { parameter == one.name } else { false }
    }
  }

  @Test("refuses a bias for a token that is none")
  func bias() {
    var parameters = SamplingParameters()
    parameters.logitBias = [100: 1]
    #expect(throws: GenerationProblem.unknownToken(id: 100, vocabulary: 100)) {
      try parameters.validate(vocabulary: 100)
    }
  }

  @Test("accepts the ends of every range")
  func ends() throws {
    var parameters = SamplingParameters()
    (parameters.temperature, parameters.topP, parameters.minP) = (0, 0, 1)
    (parameters.frequencyPenalty, parameters.presencePenalty) = (-2, 2)
    parameters.logitBias = [0: -100, 99: 100]
    try parameters.validate(vocabulary: 100)
  }
}
