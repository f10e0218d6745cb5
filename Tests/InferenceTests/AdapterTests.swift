// SPDX-License-Identifier: Apache-2.0
// Adapters beside a model: the results of the fused model, alone and in one batch with others.

import Basics
import Inference
import Models
import Support
import Testing

@Suite struct AdapterTests {
  /// A fixture and what is adapted of it.
  struct Subject: Sendable, CustomTestStringConvertible {
    var name: String
    var paths: [String]
    var testDescription: String { name }
  }

  private static let llama = [
    "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj", "model.layers.1.self_attn.o_proj",
    "model.layers.0.mlp.gate_proj", "model.layers.1.mlp.up_proj", "model.layers.1.mlp.down_proj",
  ]
  static let subjects = [
    Subject(name: "llama", paths: llama),
    Subject(
      name: "phi3",
      paths: ["model.layers.0.self_attn.qkv_proj", "model.layers.0.mlp.gate_up_proj", "model.layers.1.mlp.down_proj"]),
    Subject(
      name: "gemma3_text",
      paths: ["model.layers.0.self_attn.o_proj", "model.layers.1.mlp.down_proj", "model.layers.1.mlp.gate_proj"]),
    Subject(
      name: "phi", paths: ["model.layers.0.self_attn.dense", "model.layers.0.mlp.fc1", "model.layers.1.mlp.fc2"]),
  ]

  private static let tokens = (0..<40).map { Int32($0 * 37 % 300) }

  /// All logits of the tokens, fed in pieces.
  private static func logits(_ forward: inout Forward, adapter: Int?, chunk: Int) throws -> [Float] {
    let sequence = try forward.makeSequence(adapter: adapter)
    defer { forward.release(sequence) }
    var (batch, all) = (StepBatch(), [Float]())
    for start in stride(from: 0, to: tokens.count, by: chunk) {
      batch.removeAll()
      batch.add(sequence, tokens: tokens[start..<min(start + chunk, tokens.count)], wanted: .all)
      try forward.step(&batch)
      all += batch.logits(ofEntry: 0)
    }
    return all
  }

  private static func open(_ folder: String, _ adapters: [NamedAdapter], precise: Bool = true) throws -> Forward {
    var options = LoadedModel.Options(precise: precise, threads: 2, contextLength: 128, sequences: 8)
    options.adapters = adapters
    return try Forward(try LoadedModel.load(folder: folder, options: options))
  }

  private static func named(_ name: String, _ folders: [TemporaryFolder]) throws -> NamedAdapter {
    NamedAdapter(name: name, adapters: try folders.map { try Adapter.open($0.path) })
  }

  @Test("a sequence with an adapter gives what the fused weights give", arguments: subjects)
  func fused(_ subject: Subject) throws {
    let builder = try AdapterBuilder(fixture: subject.name, subject.paths)
    #expect(builder.targets.count == subject.paths.count)
    let (one, two) = (try builder.folder(seed: 1), try builder.folder(seed: 5))
    let folder = Fixtures.url("models/\(subject.name)")
    var forward = try Self.open(folder, [try Self.named("one", [one]), try Self.named("both", [one, two])])
    var bare = try Self.open(folder, [])
    let plain = try Self.logits(&forward, adapter: nil, chunk: 40)
    let without = try Self.logits(&bare, adapter: nil, chunk: 40)
    #expect(plain == without)
    for (number, seeds) in [[1], [1, 5]].enumerated() {
      let weights = try builder.fused(fixture: subject.name, seeds: seeds)
      var reference = try Self.open(weights.path, [])
      let expected = try Self.logits(&reference, adapter: nil, chunk: 40)
      for chunk in [40, 7, 1] {
        let got = try Self.logits(&forward, adapter: number, chunk: chunk)
        let worst = zip(got, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 2e-4, "adapter \(number) in pieces of \(chunk): off by \(worst)")
      }
      #expect(zip(plain, expected).contains { abs($0 - $1) > 1e-2 }, "the adapter changes nothing")
    }
  }

  @Test("sequences with different adapters share a batch and keep their bits", arguments: [true, false])
  func batches(precise: Bool) throws {
    let builder = try AdapterBuilder(fixture: "llama", Self.llama)
    var forward = try Self.open(
      Fixtures.url("models/\(precise ? "llama" : "llama-mlx-q4-g64")"),
      [try Self.named("one", [try builder.folder(seed: 1)]), try Self.named("two", [try builder.folder(seed: 5)])],
      precise: precise)
    let places: [Int?] = [1, nil, 0, 0, nil, 1]
    var alone: [[Float]] = []
    for place in [nil, 0, 1] { alone.append(try Self.logits(&forward, adapter: place, chunk: 40)) }
    var (sequences, batch) = ([SequenceID](), StepBatch())
    for place in places { sequences.append(try forward.makeSequence(adapter: place)) }
    for (number, sequence) in sequences.enumerated() {
      batch.add(sequence, tokens: Self.tokens, wanted: number % 2 == 0 ? .all : .last)
    }
    try forward.step(&batch)
    for (entry, place) in places.enumerated() {
      let got = Array(batch.logits(ofEntry: entry))
      let whole = alone[(place ?? -1) + 1]
      #expect(got == Array(whole[(whole.count - got.count)...]), "entry \(entry)")
    }
    #expect(throws: InferenceProblem.self) { _ = try forward.makeSequence(adapter: 2) }
  }

  @Test("what cannot be added as the model runs is refused by name") func refused() throws {
    let folder = try AdapterBuilder(fixture: "llama", ["model.embed_tokens"]).folder(seed: 1)
    #expect(throws: ModelProblem.self) {
      _ = try Self.open(Fixtures.url("models/llama"), [try Self.named("x", [folder])])
    }
  }
}
