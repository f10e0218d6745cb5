// SPDX-License-Identifier: Apache-2.0
// LoRA adapters in both layouts, fused into plain and into quantized models, held against the definition in doubles.

import Basics
import Checkpoints
import Library
import Models
import Quantization
import Support
import Tensors
import Testing

@Suite("Fusing adapters")
struct FusingTests {
  /// A matrix of the llama fixture, and factors made of a counter.
  struct Target {
    var path: String
    var rank: Int
    var outputs: Int
    var inputs: Int
    func up(_ row: Int, _ k: Int) -> Float { Float((row * 7 + k * 13 + path.utf8.count) % 17 - 8) / 64 }
    func down(_ k: Int, _ column: Int) -> Float { Float((column * 5 + k * 11) % 23 - 11) / 128 }
    var delta: [Double] {
      var sums = [Double](repeating: 0, count: outputs * inputs)
      for row in 0..<outputs {
        for k in 0..<rank {
          let up = Double(up(row, k))
          for column in 0..<inputs { sums[row * inputs + column] += up * Double(down(k, column)) }
        }
      }
      return sums
    }
  }

  private static func targets(_ base: String) throws -> [Target] {
    let checkpoint = try openCheckpoint(folder: Fixtures.url("models/llama"))
    return try ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj", "model.embed_tokens"].map {
      let shape = try checkpoint.require("\($0).weight").shape
      return Target(path: $0, rank: 3, outputs: shape[0], inputs: shape[1])
    }
  }

  private static func values(_ rows: Int, _ columns: Int, _ value: (Int, Int) -> Float) -> [Float] {
    (0..<rows * columns).map { value($0 / columns, $0 % columns) }
  }

  /// An adapter's folder; scale 2 in both layouts.
  private static func adapter(_ targets: [Target], mlx: Bool) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    var tensors: [(name: String, shape: [Int], values: [Float])] = []
    for item in targets {
      let isEmbedding = item.path.hasSuffix("embed_tokens")
      let up = (shape: [item.outputs, item.rank], values: values(item.outputs, item.rank, item.up))
      let down = (shape: [item.rank, item.inputs], values: values(item.rank, item.inputs, item.down))
      let upTurned = (
        shape: [item.rank, item.outputs], values: values(item.rank, item.outputs) { item.up($1, $0) }
      )
      let downTurned = (
        shape: [item.inputs, item.rank], values: values(item.inputs, item.rank) { item.down($1, $0) }
      )
      let prefix = "base_model.model.\(item.path)"
      switch (mlx, isEmbedding) {
      case (true, false):
        tensors.append(("\(item.path).lora_a", downTurned.shape, downTurned.values))
        tensors.append(("\(item.path).lora_b", upTurned.shape, upTurned.values))
      case (true, true):
        tensors.append(("\(item.path).lora_a", up.shape, up.values))
        tensors.append(("\(item.path).lora_b", down.shape, down.values))
      case (false, false):
        tensors.append(("\(prefix).lora_A.weight", down.shape, down.values))
        tensors.append(("\(prefix).lora_B.weight", up.shape, up.values))
      case (false, true):
        tensors.append(("\(prefix).lora_embedding_A", upTurned.shape, upTurned.values))
        tensors.append(("\(prefix).lora_embedding_B", downTurned.shape, downTurned.values))
      }
    }
    try folder.write(
      SafetensorsBuilder.floats(tensors), to: mlx ? "adapters.safetensors" : "adapter_model.safetensors")
    let config =
      mlx
      ? #"{"fine_tune_type":"lora","lora_parameters":{"rank":3,"scale":2.0,"dropout":0.0}}"#
      : #"{"peft_type":"LORA","r":3,"lora_alpha":6,"bias":"none","use_dora":false}"#
    try folder.write(Array(config.utf8), to: "adapter_config.json")
    return folder
  }

  private func fused(_ base: String, _ adapters: [TemporaryFolder]) throws -> TemporaryFolder {
    let target = try TemporaryFolder()
    let work = try Fusing(
      folder: Fixtures.url("models/\(base)"), adapters: try adapters.map { try Adapter.open($0.path) })
    let outcome = try work.write(to: target.path, threads: 3)
    #expect(outcome.files == (try Files.list(target.path)))
    return target
  }

  @Test("a plain matrix becomes W + scale · up · down, rounded once; others stay", arguments: [false, true])
  func plain(mlx: Bool) throws {
    let targets = try Self.targets("llama")
    let folder = try fused("llama", [try Self.adapter(targets, mlx: mlx)])
    let (base, ours) = (
      try openCheckpoint(folder: Fixtures.url("models/llama")), try openCheckpoint(folder: folder.path)
    )
    #expect(base.names == ours.names)
    for name in base.names {
      let (before, after) = (try base.require(name), try ours.require(name))
      guard let item = targets.first(where: { "\($0.path).weight" == name }) else {
        #expect(before.withUnsafeBytes { Array($0) } == after.withUnsafeBytes { Array($0) }, "\(name)")
        continue
      }
      let expected = zip(try before.floats(), item.delta).map { Double($0) + 2 * $1 }
      // One rounding to bfloat16, of sums made in float32.
      let isNear = zip(try after.floats(), expected).allSatisfy { abs(Double($0) - $1) <= abs($1) / 255 + 1e-6 }
      #expect(isNear, "\(name)")
    }
  }

  @Test("both layouts of one adapter, and the adapter in two halves, give the same bytes")
  func layouts() throws {
    let targets = try Self.targets("llama")
    let first = try fused("llama", [try Self.adapter(targets, mlx: false)])
    let second = try fused("llama", [try Self.adapter(targets, mlx: true)])
    let third = try fused(
      "llama",
      [try Self.adapter(Array(targets.prefix(1)), mlx: true), try Self.adapter(Array(targets.dropFirst()), mlx: false)])
    let bytes = try Files.read("\(first.path)/model.safetensors")
    #expect(try Files.read("\(second.path)/model.safetensors") == bytes)
    #expect(try Files.read("\(third.path)/model.safetensors") == bytes)
  }

  @Test("a quantized matrix is decoded, added to and quantized again as it was")
  func quantized() throws {
    let targets = try Self.targets("llama")
    let folder = try fused("llama-mlx-q4-g64", [try Self.adapter(targets, mlx: false)])
    let (base, ours) = (
      try openCheckpoint(folder: Fixtures.url("models/llama-mlx-q4-g64")), try openCheckpoint(folder: folder.path)
    )
    #expect(base.names == ours.names)
    for item in targets {
      let before = try decode(base, item)
      let expected = zip(before, item.delta).map { Double($0) + 2 * $1 }
      let after = try decode(ours, item)
      // Half a step of 15, of groups of 64, and the rounding of scales.
      for group in 0..<after.count / 64 {
        let range = group * 64..<group * 64 + 64
        let (low, high) = (expected[range].min() ?? 0, expected[range].max() ?? 0)
        let worst = range.map { abs(Double(after[$0]) - expected[$0]) }.max() ?? 0
        #expect(worst <= (high - low) / 15 + max(abs(low), abs(high)) / 100, "\(item.path)")
      }
    }
    for name in base.names where !targets.contains(where: { name.hasPrefix("\($0.path).") }) {
      #expect(
        try base.require(name).withUnsafeBytes { Array($0) } == ours.require(name).withUnsafeBytes { Array($0) })
    }
  }

  private func decode(_ checkpoint: any Checkpoint, _ item: Target) throws -> [Float] {
    let format = try Affine(bits: 4, groupSize: 64)
    let (codes, scales, biases) = (
      try checkpoint.require("\(item.path).weight"), try checkpoint.require("\(item.path).scales"),
      try checkpoint.require("\(item.path).biases")
    )
    var result = [Float](repeating: 0, count: item.outputs * item.inputs)
    result.withUnsafeMutableBufferPointer { target in
      codes.withUnsafeBytes { codes in
        scales.withUnsafeBytes { scale in
          biases.withUnsafeBytes { bias in
            format.dequantize(
              codes: codes, scales: scale, biases: bias, dtype: scales.dtype, rows: item.outputs, inputs: item.inputs,
              into: target)
          }
        }
      }
    }
    return result
  }

  /// An adapter that cannot be used.
  struct Hostile: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var file = "adapter_model.safetensors"
    var config = #"{"peft_type":"LORA","r":2,"lora_alpha":4}"#
    var tensors: [(name: String, shape: [Int])]
    var code: String
  }

  private static let q = "base_model.model.model.layers.0.self_attn.q_proj"

  static let hostile = [
    Hostile(
      testDescription: "one factor", tensors: [("\(q).lora_A.weight", [2, 64])], code: "model.invalid-tensor"),
    Hostile(
      testDescription: "two ranks", tensors: [("\(q).lora_A.weight", [2, 64]), ("\(q).lora_B.weight", [64, 3])],
      code: "model.invalid-tensor"),
    Hostile(
      testDescription: "another width", tensors: [("\(q).lora_A.weight", [2, 65]), ("\(q).lora_B.weight", [64, 2])],
      code: "model.invalid-tensor"),
    Hostile(
      testDescription: "no such matrix",
      tensors: [("base_model.model.x.lora_A.weight", [2, 64]), ("base_model.model.x.lora_B.weight", [64, 2])],
      code: "model.invalid-tensor"),
    Hostile(
      testDescription: "whole matrices", tensors: [("base_model.model.lm_head.weight", [2, 64])],
      code: "model.unsupported-feature"),
    Hostile(
      testDescription: "magnitudes", config: #"{"peft_type":"LORA","use_dora":true}"#,
      tensors: [("\(q).lora_A.weight", [2, 64])], code: "model.unsupported-feature"),
    Hostile(
      testDescription: "prompts", config: #"{"peft_type":"PROMPT_TUNING"}"#, tensors: [("prompt", [2, 64])],
      code: "model.unsupported-feature"),
    Hostile(testDescription: "nothing", tensors: [], code: "model.invalid-file"),
    Hostile(
      testDescription: "stacked experts", file: "adapters.safetensors",
      config: #"{"lora_parameters":{"scale":1}}"#,
      tensors: [("x.lora_a", [4, 2, 64]), ("x.lora_b", [4, 64, 2])], code: "model.unsupported-feature"),
    Hostile(
      testDescription: "no scale", file: "adapters.safetensors", config: #"{"lora_parameters":{}}"#,
      tensors: [("x.lora_a", [64, 2]), ("x.lora_b", [2, 64])], code: "model.invalid-config"),
    Hostile(
      testDescription: "no weights", file: "other.safetensors", tensors: [], code: "model.not-a-model"),
  ]

  @Test("what does not fit is refused by name", arguments: hostile)
  func refusals(_ item: Hostile) throws {
    let folder = try TemporaryFolder()
    let tensors = item.tensors.map {
      (name: $0.name, shape: $0.shape, values: [Float](repeating: 0, count: $0.shape.reduce(1, *)))
    }
    try folder.write(SafetensorsBuilder.floats(tensors), to: item.file)
    try folder.write(Array(item.config.utf8), to: "adapter_config.json")
    #expect {
      try Fusing(folder: Fixtures.url("models/llama"), adapters: [try Adapter.open(folder.path)])
    } throws: {
      ($0 as? any Problem)?.code == item.code
    }
  }
}
