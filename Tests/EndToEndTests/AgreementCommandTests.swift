// SPDX-License-Identifier: Apache-2.0
// `debug agreement` from outside, and what it rests on: all vector kernel sets of a processor compute the same bits.

import Basics
import Support
import Testing

@Suite struct AgreementCommandTests {
  private let folder = Fixtures.url("models/llama-mlx-q4-g64")
  private let text = String(repeating: "Gravity is what keeps the moon where it is, and us. ", count: 20)

  @Test("a text's divergence is printed, the same from a file and from stdin") func agreement() throws {
    let place = try TemporaryFolder()
    let file = try place.write(text, to: "text.txt")
    let options = ["--context", "64", "--max-tokens", "200", "--threads", "2"]
    let fromFile = try Program.run(["debug", "agreement", folder, file] + options)
    #expect(fromFile.status == 0 && fromFile.errors.isEmpty)
    let result = try JSONReader.parse(fromFile.output)
    #expect(result["places"] == 200 && result["context"] == 64)
    let mean = try #require(result["mean_divergence"]?.doubleValue)
    let largest = try #require(result["largest_divergence"]?.doubleValue)
    #expect(mean > 0 && mean < largest && mean < 2e-3)
    #expect(try #require(result["top_agreement"]?.doubleValue) > 0.9)
    let perplexities = ["perplexity_fast", "perplexity_precise"].compactMap { result[$0]?.doubleValue }
    #expect(perplexities.count == 2 && abs(perplexities[0] / perplexities[1] - 1) < 0.01)
    let piped = try Program.run(["debug", "agreement", folder, "-"] + options, input: text)
    #expect(piped.output == fromFile.output)
  }

  @Test("a text without tokens, and windows of one, are refused") func refusals() throws {
    let empty = try Program.run(["debug", "agreement", folder, "-"], input: "")
    #expect(empty.status == 64 && empty.output.isEmpty && empty.errors.contains("too short"))
    let narrow = try Program.run(["debug", "agreement", folder, "-", "--context", "1"], input: text)
    #expect(narrow.status == 64 && narrow.output.isEmpty)
  }

  @Test(
    "every vector kernel set of this processor gives the same bits",
    arguments: ["llama-mlx-q4-g64", "qwen2-tied-mlx-q8-g64", "gemma2-sliding", "gpt_oss-mlx-mxfp4-q8", "qwen3_next"])
  func instructionSets(model: String) throws {
    let tokens = (0..<150).map { "\(3 + ($0 * 37 + $0 * $0 * 5) % 290)" }.joined(separator: ",")
    var answers: [String: String] = [:]
    for isa in ["avx2", "avxvnni", "avx512", "avx512vnni", "neon", "neon-dotprod", "neon-i8mm"] {
      // Version says which set is used: another one where this processor does not have it.
      let version = try Program.run(["version", "--json"], environment: ["IMPETUS_ISA": isa])
      guard try JSONReader.parse(version.output)["isa"]?.stringValue == isa else { continue }
      let run = try Program.run(
        ["debug", "forward", "--threads", "2", "--model", Fixtures.url("models/\(model)")],
        input: "{\"tokens\":[\(tokens)],\"greedy\":5}\n", environment: ["IMPETUS_ISA": isa])
      #expect(run.status == 0 && run.errors.isEmpty)
      answers[isa] = run.output
    }
    #expect(!answers.isEmpty && Set(answers.values).count == 1, "\(answers.keys.sorted())")
  }
}
