// SPDX-License-Identifier: Apache-2.0
// Answers of a session whose requests ask for different adapters: what each says alone, whatever else is going on.

import Basics
import Inference
import Models
import Support
import Testing
import Tokenizers

@Suite("Sessions with adapters")
struct AdapterSessionTests {
  private static let base = "llama-mlx-q4-g64"
  private static let names: [String?] = [nil, "peft", "mlx", "both"]

  /// Adapters of both layouts, one of them two at once.
  private let folders: [TemporaryFolder]
  private let adapters: [NamedAdapter]

  init() throws {
    let builder = try AdapterBuilder(
      fixture: "llama",
      [
        "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj", "model.layers.1.self_attn.v_proj",
        "model.layers.0.mlp.gate_proj", "model.layers.1.mlp.down_proj",
      ])
    let (peft, mlx) = (try builder.folder(seed: 1), try builder.folder(seed: 5, layout: .mlx))
    folders = [peft, mlx]
    let opened = try folders.map { try Adapter.open($0.path) }
    adapters = [
      NamedAdapter(name: "peft", adapters: [opened[0]]), NamedAdapter(name: "mlx", adapters: [opened[1]]),
      NamedAdapter(name: "both", adapters: opened),
    ]
  }

  private func model(_ cache: PackCache? = nil, adapters: [NamedAdapter]? = nil) throws -> LoadedModel {
    var options = LoadedModel.Options(
      threads: 2, contextLength: 400, kvByteBudget: 64 << 20, sequences: 32, stepTokens: 64)
    options.adapters = adapters ?? self.adapters
    options.packCache = cache
    let model = try LoadedModel.load(folder: Fixtures.url("models/\(Self.base)"), options: options)
    model.settle()
    return model
  }

  private func session(
    _ model: LoadedModel, _ speculation: Session.Options.Speculation, running: Int = 16
  ) throws -> Session {
    try Session(
      model, tokenizer: try Tokenizer(folder: Fixtures.url("models/llama")),
      options: Session.Options(running: running, speculation: speculation))
  }

  /// The same few texts for every adapter, each repeating itself so that there is something to guess.
  private static let requests: [GenerationRequest] = (0..<16).map { index in
    let line = (0..<9).map { Int32(20 + ($0 * 13 + index / 8 * 5) % 90) }
    var request = GenerationRequest(
      prompt: (0..<5).flatMap { [Int32(3 + $0 % 7)] + line }, sampling: .greedy, maxTokens: 40)
    request.adapter = names[index % names.count]
    if index % 8 > 3 {
      request.sampling = SamplingParameters()
      request.sampling.seed = UInt64(index)
    }
    return request
  }

  private func answers(_ session: Session) async throws -> [[Int32]] {
    var heard = [Heard](repeating: Heard(), count: Self.requests.count)
    for await event in try session.answers(to: Self.requests).events { heard[event.answer].take(event.event) }
    return heard.map(\.tokens)
  }

  @Test("texts of different adapters share nothing but the batch, guessed ahead or not")
  func speculation() async throws {
    let model = try model()
    var alone: [[Int32]] = []
    for request in Self.requests {
      alone.append(try await session(model, .off, running: 1).hear(request).tokens)
    }
    // Every adapter says something else about the same text.
    #expect(Set(alone[..<4]).count == 4)
    for speculation in [Session.Options.Speculation.off, .always, .adaptive] {
      let session = try session(model, speculation)
      #expect(try await answers(session) == alone, "\(speculation)")
      // Once more, from the beginnings that the first ones have left.
      #expect(try await answers(session) == alone, "\(speculation), again")
      if speculation == .always { #expect(session.activity.draftedTokens > 0) }
    }
  }

  @Test("a file of packed weights is the model's alone: adapters do not change it, and run beside it")
  func packed() async throws {
    let folder = try TemporaryFolder()
    let cache = PackCache(folder: "\(folder.path)/packed", source: Digest.of([7]))
    let first = try model(cache)
    let written = try Files.read(cache.path)
    let expected = try await answers(try session(first, .off))
    let second = try model(cache)
    #expect(!first.isPackedBefore && second.isPackedBefore)
    #expect(try await answers(try session(second, .off)) == expected)
    #expect(try model(cache, adapters: []).isPackedBefore)
    #expect(try Files.read(cache.path) == written)
  }

  @Test("both layouts of the same adapter give the same logits to the bit")
  func layouts() async throws {
    let paths = ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.up_proj"]
    let builder = try AdapterBuilder(fixture: "llama", paths)
    let folders = try AdapterBuilder.Layout.allCases.map { try builder.folder(seed: 3, layout: $0) }
    let named = try zip(["a", "b"], folders).map { NamedAdapter(name: $0, adapters: [try Adapter.open($1.path)]) }
    var forward = try Forward(try model(adapters: named))
    let logits = try [0, 1, nil].map { adapter in
      let sequence = try forward.makeSequence(adapter: adapter)
      defer { forward.release(sequence) }
      var batch = StepBatch()
      batch.add(sequence, tokens: Self.requests[0].prompt, wanted: .last)
      try forward.step(&batch)
      return Array(batch.logits(ofEntry: 0))
    }
    #expect(logits[0] == logits[1] && logits[0] != logits[2])
  }
}
