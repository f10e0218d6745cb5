// SPDX-License-Identifier: Apache-2.0
// The demo model, a real one, from the store that `make test` fills: quantized, verified, asked.

import Basics
import Support
import Testing

/// The model of `make demo`.
private enum Demo {
  static let store = Fixtures.project("build/demo-store")
  static let model = "HuggingFaceTB/SmolLM2-135M-Instruct"
  static var isThere: Bool { Files.isFile("\(store)/refs/\(model)/main.json") }
}

@Suite(.enabled(if: Demo.isThere)) struct DemoModelTests {
  private func run(_ arguments: [String]) throws -> Support.Program.Run {
    try Support.Program.run(arguments, environment: ["IMPETUS_HOME": Demo.store, "HOME": "/nonexistent"])
  }

  @Test("quantized to 4 bits it says what gravity is") func gravity() throws {
    let quantized = try run(["quantize", Demo.model, "--bits", "4"])
    #expect(quantized.status == 0, "\(quantized.errors)")
    let verified = try run(["verify", "\(Demo.model):q4"])
    #expect(verified.status == 0, "\(verified.output)")
    let answer = try run(["run", "\(Demo.model):q4", "What is gravity?", "--temperature", "0", "--max-tokens", "60"])
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(answer.output.lowercased().contains("gravity is"))
    let again = try run(["run", "\(Demo.model):q4", "What is gravity?", "--temperature", "0", "--max-tokens", "60"])
    #expect(again.output == answer.output)
  }

  @Test("the precise path and the fast one agree on a short answer") func precise() throws {
    let question = ["run", Demo.model, "What is the capital of France?", "--temperature", "0", "--max-tokens", "12"]
    let fast = try run(question)
    let precise = try run(question + ["--precise"])
    #expect(fast.output.contains("Paris"), "\(fast.output)\(fast.errors)")
    #expect(precise.output.contains("Paris"), "\(precise.output)\(precise.errors)")
  }
}
