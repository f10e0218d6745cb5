// SPDX-License-Identifier: Apache-2.0
// The built program from outside: results on stdout, problems on stderr, documented exit codes.

import Basics
import Support
import Testing

@Suite struct BinaryTests {
  @Test("version prints JSON on request") func version() throws {
    let run = try Program.run(["version", "--json"])
    #expect(run.status == 0)
    #expect(try JSONReader.parse(run.output)["version"] == .string(Basics.Program.version))
    #expect(run.errors.isEmpty)
  }

  @Test("IMPETUS_ISA chooses the kernels; one that is not to be had is said") func instructionSet() throws {
    func version(_ wish: String) throws -> (isa: JSONValue?, errors: String) {
      let run = try Program.run(["version", "--json"], environment: ["IMPETUS_ISA": wish])
      #expect(run.status == 0)
      return (try JSONReader.parse(run.output)["isa"], run.errors)
    }
    let (best, forced, unknown) = (try version(""), try version("portable"), try version("sse9"))
    #expect(forced.isa == "portable" && forced.errors.isEmpty && best.errors.isEmpty)
    #expect(unknown.isa == best.isa)
    #expect(unknown.errors.contains("IMPETUS_ISA: \"sse9\" is no kernel set (portable,"))
  }

  @Test("tokenize shows a text's tokens, control tokens being text") func tokenize() throws {
    let folder = Fixtures.url("tokenizers/smollm2")
    let plain = try JSONReader.parse(try Program.run(["tokenize", folder, "<|im_start|>hi", "--json"]).output)
    let special = try JSONReader.parse(
      try Program.run(["tokenize", folder, "<|im_start|>hi", "--special", "--json"]).output)
    #expect(special["count"]?.intValue == 2)
    #expect(try #require(plain["count"]?.intValue) > 2)
  }

  @Test("text can be piped in") func piped() throws {
    let run = try Program.run(["tokenize", Fixtures.url("tokenizers/smollm2"), "--json"], input: "Hello")
    #expect(try JSONReader.parse(run.output)["count"] == 1)
  }

  @Test("run answers, and the same seed gives the same text") func run() throws {
    let folder = Fixtures.url("models/llama-mlx-q4-g64")
    func answer(_ seed: String, _ more: [String] = []) throws -> String {
      let run = try Program.run(["run", folder, "Hello", "--seed", seed, "--max-tokens", "16"] + more)
      #expect(run.status == 0)
      #expect(run.errors.isEmpty)
      return run.output
    }
    #expect(try answer("1") == answer("1", ["--threads", "1"]))
    #expect(try answer("1") != answer("2"))
    #expect(try answer("1", ["--temperature", "0"]) == answer("2", ["--temperature", "0"]))
  }

  @Test("run, serve and bench take the bits of the cache, and refuse others") func cacheBits() throws {
    let folder = Fixtures.url("models/llama-mlx-q4-g64")
    for bits in ["16", "8", "4"] {
      let run = try Program.run(["run", folder, "Hello", "--max-tokens", "4", "--kv-bits", bits])
      #expect(run.status == 0 && !run.output.isEmpty, "\(bits): \(run.errors)")
    }
    for command in [["run", folder, "Hello"], ["serve", folder], ["bench", folder]] {
      #expect(try Program.run(command + ["--kv-bits", "5"]).status == 64)
      let both = try Program.run(command + ["--kv-bits", "8", "--precise"])
      #expect(both.status == 64 && both.errors.contains("--kv-bits"), "\(both.errors)")
    }
  }

  @Test("a prompt can be piped into run, and figures are asked for with --stats") func runPiped() throws {
    let run = try Program.run(
      ["run", Fixtures.url("models/smollm2"), "--precise", "--max-tokens", "4", "--stats"], input: "Hello")
    #expect(run.status == 0)
    #expect(run.errors.contains("tok/s"))
    #expect(run.errors.contains("peak memory"))
  }

  struct Failing: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    var input = ""
    let status: Int32
    var testDescription: String { arguments.joined(separator: " ") }
  }

  @Test(
    "bad input ends in one clear problem and its exit code",
    arguments: [
      Failing(arguments: ["tokenize", "/nonexistent", "x"], status: 3),
      Failing(arguments: ["tokenize", Fixtures.url("templates"), "x"], status: 3),
      Failing(
        arguments: ["debug", "tokenize", "--tokenizer", Fixtures.url("tokenizers/smollm2")], input: "{", status: 2),
      Failing(arguments: ["debug", "template"], input: "[1,2\n", status: 2),
      Failing(arguments: ["run", "/nonexistent", "x"], status: 3),
      Failing(arguments: ["run", Fixtures.url("unsupported"), "x"], status: 8),
      Failing(arguments: ["run", Fixtures.url("models/llama"), "x", "--temperature", "-1"], status: 64),
      Failing(arguments: ["run", Fixtures.url("models/llama"), "x", "--threads", "0"], status: 64),
      Failing(arguments: ["run", Fixtures.url("models/llama"), "x", "--context", "4"], status: 6),
      Failing(
        arguments: ["debug", "forward", "--model", Fixtures.url("models/llama")], input: "{\"tokens\":[]}", status: 64),
      Failing(arguments: ["tokenize"], status: 64),
      Failing(arguments: ["frobnicate"], status: 64),
      Failing(arguments: ["version", "--frobnicate"], status: 64),
    ])
  func failing(_ sample: Failing) throws {
    let run = try Program.run(sample.arguments, input: sample.input)
    #expect(run.status == sample.status)
    #expect(run.output.isEmpty)
    #expect(!run.errors.isEmpty)
  }

  @Test("problems are JSON when JSON was asked for") func jsonProblem() throws {
    let run = try Program.run(["tokenize", "/nonexistent", "x", "--json"])
    let problem = try JSONReader.parse(run.errors)["error"]
    #expect(problem?["code"] == "file.not-found")
    #expect(problem?["status"] == 3)
  }
}
