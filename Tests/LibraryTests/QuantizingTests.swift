// SPDX-License-Identifier: Apache-2.0
// Quantized by us and by mlx-lm from the same source: the folders of Fixtures/models come in pairs.

import Basics
import Checkpoints
import Library
import Quantization
import Support
import Tensors
import Testing

@Suite("Quantizing")
struct QuantizingTests {
  /// A source, mlx-lm's result, and what it was asked for.
  struct Pair: Sendable, CustomTestStringConvertible {
    var source: String
    var result: String
    var bits: Int
    var group: Int
    var testDescription: String { result }
  }

  static let pairs = [
    Pair(source: "llama", result: "llama-mlx-q4-g64", bits: 4, group: 64),
    Pair(source: "llama", result: "llama-mlx-q3-g32", bits: 3, group: 32),
    Pair(source: "qwen2-tied", result: "qwen2-tied-mlx-q8-g64", bits: 8, group: 64),
    Pair(source: "phi3", result: "phi3-mlx-q4-g64", bits: 4, group: 64),
    Pair(source: "mixtral", result: "mixtral-mlx-q4-g64", bits: 4, group: 64),
    Pair(source: "gemma3_text", result: "gemma3_text-mlx-q4-g32", bits: 4, group: 32),
    Pair(source: "qwen3_moe", result: "qwen3_moe-mlx-q4-g32", bits: 4, group: 32),
    Pair(source: "qwen2_moe", result: "qwen2_moe-mlx-q4-g32", bits: 4, group: 32),
    Pair(source: "llama-rope-linear-bias-f16", result: "llama-f16-mlx-q4-g32", bits: 4, group: 32),
    Pair(source: "llama-rope-llama3-tied-f32", result: "llama-tied-f32-mlx-q4-g32", bits: 4, group: 32),
  ]

  private func quantize(
    _ folder: String, _ bits: Int, _ group: Int, measures: Bool = false
  ) throws -> (target: TemporaryFolder, plan: Plan, outcome: Quantizing.Outcome) {
    let target = try TemporaryFolder()
    let recipe = Quantizing.Recipe(try Affine(bits: bits, groupSize: group), measuresErrors: measures)
    let work = try Quantizing(folder: folder, recipe: recipe)
    return (target, work.plan, try work.write(to: target.path, threads: 3))
  }

  @Test("tensors and configuration are those of mlx-lm, bit for bit", arguments: pairs)
  func golden(_ pair: Pair) throws {
    let expected = Fixtures.url("models/\(pair.result)")
    let (target, _, _) = try quantize(Fixtures.url("models/\(pair.source)"), pair.bits, pair.group)
    let (ours, theirs) = (try openCheckpoint(folder: target.path), try openCheckpoint(folder: expected))
    #expect(ours.names == theirs.names)
    for name in theirs.names {
      let (a, b) = (try ours.require(name), try theirs.require(name))
      #expect(a.dtype == b.dtype && a.shape == b.shape, "\(name)")
      #expect(a.withUnsafeBytes { Array($0) } == b.withUnsafeBytes { Array($0) }, "\(name)")
    }
    let (config, other) = (try json(target.path, "config.json"), try json(expected, "config.json"))
    #expect(config["quantization"] == other["quantization"] && config["quantization"] == config["quantization_config"])
    #expect(config["eos_token_id"] == other["eos_token_id"])
    let (index, otherIndex) = (try json(target.path, ShardIndex.fileName), try json(expected, ShardIndex.fileName))
    #expect(index == otherIndex)
  }

  private func json(_ folder: String, _ name: String) throws -> JSONValue {
    try JSONReader.parse(try Files.read("\(folder)/\(name)"))
  }

  @Test("the plan says beforehand what comes out")
  func plan() throws {
    let (target, plan, outcome) = try quantize(Fixtures.url("models/llama"), 4, 64, measures: true)
    let checkpoint = try openCheckpoint(folder: target.path)
    #expect(try checkpoint.names.reduce(0) { $0 + (try checkpoint.require($1).byteCount) } == plan.byteCount)
    #expect(plan.bitsPerWeight > 4.5 && plan.bitsPerWeight < 4.6)
    #expect(outcome.files == (try Files.list(target.path)))
    #expect(outcome.files.contains("tokenizer.json") && outcome.files.contains("generation_config.json"))
    #expect(outcome.report.entries.count == plan.entries.count)
    #expect(outcome.report.total.relative > 0.01 && outcome.report.total.relative < 0.2)
    #expect(outcome.recipe["quantization"] == .object(plan.configuration))
  }

  @Test("the same source gives the same bytes, whatever the threads")
  func determinism() throws {
    let (first, _, _) = try quantize(Fixtures.url("models/mixtral"), 4, 32)
    let second = try TemporaryFolder()
    let work = try Quantizing(
      folder: Fixtures.url("models/mixtral"), recipe: .init(try Affine(bits: 4, groupSize: 32)))
    _ = try work.write(to: second.path, threads: 1)
    for name in try Files.list(first.path) {
      #expect(try Files.read("\(first.path)/\(name)") == Files.read("\(second.path)/\(name)"), "\(name)")
    }
  }

  @Test("matrices that do not fit stay, and groups shrink when asked")
  func widths() throws {
    // Rows of 72 elements: no group fits any matrix but the wider ones of the feed-forward half.
    let folder = Fixtures.url("models/smollm2")
    let plain = try Quantizing(folder: folder, recipe: .init(try Affine(bits: 4, groupSize: 128)))
    let shrunk = try Quantizing(
      folder: folder, recipe: .init(try Affine(bits: 4, groupSize: 128), shrinksGroups: true))
    #expect(plain.plan.kept.count > shrunk.plan.kept.count || plain.plan.kept.isEmpty)
    #expect(plain.plan.bitsPerWeight >= shrunk.plan.bitsPerWeight)
  }

  @Test("a model that is quantized already is refused")
  func twice() throws {
    let folder = Fixtures.url("models/llama-mlx-q4-g64")
    #expect(throws: QuantizationProblem.alreadyQuantized(folder: folder)) {
      try Quantizing(folder: folder, recipe: .init(try Affine(bits: 4, groupSize: 64)))
    }
  }

  /// The llama fixture with one float of a tensor replaced.
  private func damaged(_ name: String, _ bits: UInt16) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let source = Fixtures.url("models/llama")
    let file = try SafetensorsFile("\(source)/model.safetensors")
    var bytes = try Files.read("\(source)/model.safetensors")
    let place = try file.require(name).offset + 10
    bytes[place] = UInt8(bits & 0xFF)
    bytes[place + 1] = UInt8(bits >> 8)
    try folder.write(bytes, to: "model.safetensors")
    try folder.write(try Files.read("\(source)/config.json"), to: "config.json")
    return folder
  }

  @Test(
    "values that are not finite are refused with the tensor's name",
    arguments: [
      ("model.layers.1.mlp.up_proj.weight", UInt16(0x7FC0)), ("model.embed_tokens.weight", 0x7F80),
      ("model.layers.0.input_layernorm.weight", 0xFF80),
    ])
  func notFinite(name: String, bits: UInt16) throws {
    let folder = try damaged(name, bits)
    let target = try TemporaryFolder()
    let work = try Quantizing(folder: folder.path, recipe: .init(try Affine(bits: 4, groupSize: 64)))
    #expect(throws: QuantizationProblem.notFinite(tensor: name, count: 1)) {
      try work.write(to: target.path, threads: 2)
    }
  }

  @Test("stopping takes effect at the next block")
  func cancellation() throws {
    let target = try TemporaryFolder()
    let work = try Quantizing(folder: Fixtures.url("models/llama"), recipe: .init(try Affine(bits: 4, groupSize: 64)))
    #expect(throws: QuantizationProblem.cancelled) {
      try work.write(to: target.path, threads: 2, isCancelled: { true })
    }
  }
}
