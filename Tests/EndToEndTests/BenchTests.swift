// SPDX-License-Identifier: Apache-2.0
// `impetus bench`: its JSON is a contract, and two results can be compared.

import Basics
import Support
import Testing

@Suite struct BenchTests {
  private static let small = ["--prompt", "24", "--decode", "4", "--repetitions", "2", "--threads", "2", "--json"]

  private func bench(_ arguments: [String]) throws -> JSONValue {
    let run = try Support.Program.run(["bench"] + arguments + Self.small)
    #expect(run.status == 0, "\(run.errors)")
    return try JSONReader.parse(run.output)
  }

  @Test("--info lists the kernels this processor has, the one in use among them") func info() throws {
    let run = try Support.Program.run(["bench", "--info", "--json"], environment: ["IMPETUS_ISA": "portable"])
    #expect(run.status == 0, "\(run.errors)")
    let document = try JSONReader.parse(run.output)
    #expect(document["isa"] == "portable")
    #expect(document["isas"]?.arrayValue?.first == "portable")
    #expect(document["int8_gop_per_s"]?.doubleValue == 0)
  }

  @Test("a folder is measured at every depth and batch") func document() throws {
    let document = try bench([Fixtures.url("models/llama-mlx-q4-g64"), "--batch", "1,3", "--depth", "0,40"])
    #expect(
      document.objectValue?.keys == ["machine", "model", "load_ms", "first_token_ms", "peak_rss_bytes", "results"])
    #expect(document["machine"]?.objectValue?.keys == ["cpu", "isa", "threads", "read_gb_per_s", "int8_gop_per_s"])
    #expect(document["machine"]?["threads"] == 2)
    #expect(try #require(document["machine"]?["read_gb_per_s"]?.doubleValue) > 0.1)
    for key in ["ref", "parameters", "weight_bytes", "bits"] { #expect(document["model"]?[key] != nil, "\(key)") }
    let (bytes, count) = (
      document["model"]?["weight_bytes"]?.doubleValue, document["model"]?["parameters"]?.doubleValue
    )
    #expect(try #require(bytes) > 0)
    #expect(abs(try #require(document["model"]?["bits"]?.doubleValue) - 8 * bytes! / count!) < 0.01)
    let results = try #require(document["results"]?.arrayValue)
    let settings = results.map {
      "\($0["test"]?.stringValue ?? "") \($0["depth"]?.intValue ?? -1) \($0["batch"]?.intValue ?? -1)"
    }
    #expect(
      settings
        == [0, 40].flatMap { depth in
          ["prefill", "decode"].flatMap { test in [1, 3].map { "\(test) \(depth) \($0)" } }
        })
    for row in results {
      #expect(row["tokens"]?.intValue == (row["test"] == "prefill" ? 24 : 4))
      let samples = (row["samples"]?.arrayValue ?? []).compactMap(\.doubleValue)
      #expect(samples.count == 2 && samples.allSatisfy { $0 > 0 })
      #expect(row["tokens_per_second"]?.doubleValue == samples.sorted()[1])
      #expect(row["gb_per_s"]?.doubleValue != nil)
      #expect(row["gop_per_s"]?.doubleValue != nil)
    }
  }

  @Test("random weights of a config need no download, in the format asked for") func random() throws {
    let config = Fixtures.url("models/llama/config.json")
    let four = try bench(["--random", config])
    let eight = try bench(["--random", config, "--bits", "8", "--group-size", "32"])
    #expect(four["model"]?["ref"] == .string("random \(config)"))
    #expect(four["model"]?["parameters"] == eight["model"]?["parameters"])
    #expect(eight["model"]?["quantization"] == "affine 8 bit, groups of 32")
    #expect(try #require(four["model"]?["weight_bytes"]?.intValue) < (eight["model"]?["weight_bytes"]?.intValue ?? 0))
  }

  @Test("an earlier result stands beside the new one") func comparison() throws {
    let folder = try TemporaryFolder()
    let model = Fixtures.url("models/llama-mlx-q4-g64")
    let first = try Support.Program.run(["bench", model] + Self.small)
    let file = try folder.write(first.output, to: "before.json")
    let before = try JSONReader.parse(first.output)
    let second = try bench([model, "--compare", file])
    for (row, old) in zip(second["results"]?.arrayValue ?? [], before["results"]?.arrayValue ?? []) {
      #expect(row["before_tokens_per_second"] == old["tokens_per_second"])
      #expect(try #require(row["ratio"]?.doubleValue) > 0)
    }
    let table = try Support.Program.run(["bench", model, "--compare", file] + Self.small.dropLast())
    #expect(table.output.contains("BEFORE"))
    #expect(table.output.contains("this machine"))
    for bad in ["[]", "{\"model\":{\"ref\":\"x\"},\"machine\":{\"cpu\":\"y\"},\"results\":[{\"test\":\"prefill\"}]}"] {
      let run = try Support.Program.run(["bench", model, "--compare", try folder.write(bad, to: "bad.json")])
      #expect(run.status == 2)
    }
  }

  @Test(
    "contradictions are usage errors",
    arguments: [
      ["--random", "llama-1b", "model"], ["model", "--bits", "4"], ["--random", "llama-1b", "--bits", "7"],
      ["--random", "llama-1b", "--group-size", "48"], ["model", "--batch", "0"], ["model", "--depth", "x"],
    ])
  func usage(arguments: [String]) throws {
    #expect(try Support.Program.run(["bench"] + arguments).status == 64)
  }

  @Test("a shape nobody knows is not found") func unknownShape() throws {
    let run = try Support.Program.run(["bench", "--random", "llama-9000b"])
    #expect(run.status == 3)
    #expect(run.errors.contains("llama-8b"))
  }
}
