// SPDX-License-Identifier: Apache-2.0
// A text's logits are the same to the last bit however it is computed: alone or in any batch, on any number of threads,
// its prompt whole or in pieces, read anew or continued from what a cache holds.

import Basics
import Inference
import Support
import Testing
import Tokenizers

@Suite struct BatchExactnessTests {
  /// What the fast kernels differ in: 4 and 8 bits, f32, mxfp4; windows, soft caps and sinks; routed experts; latent keys;
  /// recurrent states.
  static let models = [
    "llama-mlx-q4-g64", "qwen2-tied-mlx-q8-g64", "gemma2-sliding", "qwen3_moe-mlx-q4-g32", "gpt_oss-mlx-mxfp4-q8",
    "deepseek_v3-mlx-q4-g32", "qwen3_next",
  ]
  private static let batches = [1, 2, 3, 5, 8, 16, 33]

  /// Prompts of 33 lengths: one token, whole pages of 64 and one more or less, and beyond a span of 256 positions.
  private static let prompts: [[Int32]] = (0..<33).map { index in
    let lengths = [1, 2, 5, 9, 15, 16, 17, 31, 33, 47, 63, 64, 65, 70, 90, 127, 129]
    let length = index == 7 ? 300 : lengths[index % lengths.count] + index / lengths.count
    return (0..<length).map { (place: Int) -> Int32 in
      let mixed = place * 7 + index * 31 + place * place * (index + 1)
      return Int32(3 + mixed % 290)
    }
  }
  /// Tokens that follow each prompt, one a step.
  private static let answerLength = 3

  /// Bits of the logits behind a prompt and behind each token of its answer.
  private typealias Bits = [[UInt32]]

  @Test("alone, in any batch, on one to four threads, whole and in pieces", arguments: models)
  func batches(_ name: String) throws {
    var alone: [Bits] = []
    do {
      var forward = try forward(name, threads: 1)
      for index in Self.prompts.indices { alone += try Self.bits(&forward, [index], pieces: { _ in .max }) }
    }
    #expect(Set(alone.map { $0[0] }).count == Self.prompts.count)
    for threads in 1...4 {
      var forward = try forward(name, threads: threads)
      for (turn, size) in Self.batches.enumerated() {
        // Other neighbours, and another order, for each size and number of threads.
        let chosen = (0..<size).map { ($0 * 10 + turn * 5 + threads * 8) % Self.prompts.count }
        // Some read their prompt whole while others, still reading, take pieces, and others write already.
        let widths = [Int.max, 1, 64, 7, 100, 16]
        let pieces = { (index: Int) in widths[(index + turn + threads) % widths.count] }
        let together = try Self.bits(&forward, chosen, pieces: pieces)
        for (place, index) in chosen.enumerated() {
          #expect(together[place] == alone[index], "\(size) texts, \(threads) threads: text \(index)")
        }
      }
    }
  }

  @Test("behind tokens that the cache holds already", arguments: models)
  func cachedPrefix(_ name: String) throws {
    var forward = try forward(name, threads: 2)
    let prompt = Self.prompts[7]
    let cold = try Self.bits(&forward, [7], pieces: { _ in .max })[0]
    for shared in [16, 63, 64, 65, 200, 256, 299] {
      // Another text first, which begins the same; what it holds beyond that is taken back.
      let sequence = try forward.makeSequence()
      defer { forward.release(sequence) }
      var batch = StepBatch()
      let other = prompt[..<shared] + (forward.canTruncate ? [Int32](repeating: 5, count: 30) : [])
      batch.add(sequence, tokens: other, wanted: .none)
      try forward.step(&batch)
      #expect(forward.truncate(sequence, to: shared) == shared)
      batch.removeAll()
      batch.add(sequence, tokens: prompt[shared...], wanted: .last)
      try forward.step(&batch)
      #expect(Array(batch.logits(ofEntry: 0)).map(\.bitPattern) == cold[0], "\(shared) tokens cached")
    }
  }

  @Test("sessions: 33 requests at once, cold and cached, answer as each alone", arguments: [models[0], models[1]])
  func sessions(_ name: String) async throws {
    let requests = Self.prompts.indices.map { index in
      // Half of them begin with the same hundred tokens.
      let prompt = index % 2 == 0 ? Self.prompts[7][..<100] + Self.prompts[index] : Self.prompts[index][...]
      var request = GenerationRequest(prompt: Array(prompt), maxTokens: 6)
      request.sampling.seed = UInt64(index)
      request.scoreCount = 3
      return request
    }
    let single = try session(name, .init(running: 1, reusesPrefixes: false, speculation: .off), threads: 1)
    var alone: [Heard] = []
    for request in requests { alone.append(try await single.hear(request)) }
    let shared = try session(name, .init(running: 33, speculation: .off), threads: 3)
    for round in ["cold", "cached"] {
      var heard = [Heard](repeating: Heard(), count: requests.count)
      for await event in try shared.answers(to: requests).events { heard[event.answer].take(event.event) }
      for index in requests.indices {
        #expect(heard[index].tokens == alone[index].tokens, "\(round), request \(index)")
        #expect(heard[index].scores == alone[index].scores, "\(round), request \(index)")
      }
      if round == "cached" { #expect(heard.contains { ($0.cachedTokens ?? 0) >= 64 }) }
    }
  }

  /// Computes texts together, each prompt in pieces of its own width.
  private static func bits(
    _ forward: inout Forward, _ chosen: [Int], pieces: (Int) -> Int
  ) throws -> [Bits] {
    let texts = chosen.map { prompts[$0] + answer(to: $0) }
    let ends = chosen.map { prompts[$0].count }
    var (places, bits) = ([Int](repeating: 0, count: chosen.count), [Bits](repeating: [], count: chosen.count))
    var sequences: [SequenceID] = []
    for text in texts { sequences.append(try forward.makeSequence(expectedLength: text.count)) }
    var batch = StepBatch()
    while true {
      batch.removeAll()
      var live: [Int] = []
      for index in texts.indices where places[index] < texts[index].count {
        let place = places[index]
        let next = place < ends[index] ? min(ends[index], place + min(pieces(chosen[index]), ends[index])) : place + 1
        batch.add(sequences[index], tokens: texts[index][place..<next], wanted: next < ends[index] ? .none : .last)
        places[index] = next
        live.append(index)
      }
      guard !live.isEmpty else { break }
      try forward.step(&batch)
      for (entry, index) in live.enumerated() where places[index] >= ends[index] {
        bits[index].append(batch.logits(ofEntry: entry).map(\.bitPattern))
      }
    }
    for sequence in sequences { forward.release(sequence) }
    return bits
  }

  private static func answer(to index: Int) -> [Int32] {
    (0..<answerLength).map { (place: Int) -> Int32 in Int32(20 + index * 3 + place * 11) }
  }

  private func forward(_ name: String, threads: Int) throws -> Forward {
    try Forward(try load(name, threads: threads))
  }

  private func session(_ name: String, _ options: Session.Options, threads: Int) throws -> Session {
    let folder = Fixtures.url("models/\(name)")
    return try Session(try load(name, threads: threads), tokenizer: try Tokenizer(folder: folder), options: options)
  }

  private func load(_ name: String, threads: Int) throws -> LoadedModel {
    try LoadedModel.load(
      folder: Fixtures.url("models/\(name)"),
      options: .init(threads: threads, kvByteBudget: 64 << 20, sequences: 64, stepTokens: 4096))
  }
}
