// SPDX-License-Identifier: Apache-2.0
// Caches of 8 and 4 bits: how near their logits come, how many tokens a budget holds, what goes with what.

import Basics
import Inference
import Support
import Testing

@Suite struct CacheBitsTests {
  /// Plain and quantized weights, windows, soft caps, sinks, a compressed past, recurrent layers.
  static let folders = [
    "llama", "llama-mlx-q4-g64", "phi", "gemma2-sliding", "mistral-sliding", "gpt_oss-mlx-mxfp4-q8", "deepseek_v3",
    "deepseek_v3-mlx-q4-g32", "qwen3_next",
  ]
  private static let prompt: [Int32] = (0..<90).map { (place: Int) -> Int32 in Int32(3 + place * (place + 7) % 250) }

  private func forward(_ name: String, bits: CacheBits, bytes: Int? = nil) throws -> Forward {
    let options = LoadedModel.Options(threads: 2, contextLength: 4096, kvByteBudget: bytes, kvBits: bits, sequences: 2)
    return try Forward(try LoadedModel.load(folder: Fixtures.url("models/\(name)"), options: options))
  }

  /// The last logits of the prompt, cut into steps of so many tokens.
  private func logits(_ name: String, bits: CacheBits, step: Int = 90) throws -> [Float] {
    var forward = try forward(name, bits: bits)
    let sequence = try forward.makeSequence()
    var batch = StepBatch()
    for first in stride(from: 0, to: Self.prompt.count, by: step) {
      batch.removeAll()
      let last = min(first + step, Self.prompt.count)
      batch.add(sequence, tokens: Array(Self.prompt[first..<last]), wanted: .last)
      try forward.step(&batch)
    }
    return Array(batch.logits(ofEntry: 0))
  }

  private static func length(_ vector: [Float]) -> Float {
    var sum: Float = 0
    for element in vector { sum += element * element }
    return sum.squareRoot()
  }

  @Test("logits stay near those of 16 bits, and are the same however a text is cut", arguments: folders)
  func loss(_ name: String) throws {
    let exact = try logits(name, bits: .sixteen)
    let size = Self.length(exact)
    for (bits, most) in [(CacheBits.eight, Float(0.04)), (.four, 0.3)] {
      let coded = try logits(name, bits: bits)
      let error = Self.length(zip(coded, exact).map { $0 - $1 }) / size
      #expect(error > 0 && error < most, "\(bits.rawValue) bits: \(error)")
      for step in [1, 7, 64] {
        #expect(try logits(name, bits: bits, step: step) == coded, "\(bits.rawValue) bits in steps of \(step)")
      }
    }
  }

  @Test("a budget holds more tokens with fewer bits") func budget() throws {
    /// Tokens a sequence reaches before the cache is full.
    func capacity(_ bits: CacheBits) throws -> Int {
      var forward = try forward("llama", bits: bits, bytes: 1 << 16)
      let sequence = try forward.makeSequence()
      var batch = StepBatch()
      repeat {
        batch.removeAll()
        batch.add(sequence, tokens: Array(repeating: 1, count: 64), wanted: .none)
      } while (try? forward.step(&batch)) != nil
      return forward.length(of: sequence)
    }
    // Heads of 16 numbers: 32 bytes; 16 codes and a scale; for values 8 bytes of codes, a scale and a least number.
    #expect(try capacity(.sixteen) == (1 << 16) / (8 * 32) / 64 * 64)
    #expect(try capacity(.eight) == (1 << 16) / (8 * 18) / 64 * 64)
    #expect(try capacity(.four) == (1 << 16) / (4 * (18 + 12)) / 64 * 64)
  }

  @Test("float32 and fewer bits exclude each other") func precise() {
    #expect(throws: InferenceProblem.self) {
      try LoadedModel.load(folder: Fixtures.url("models/llama"), options: .init(precise: true, kvBits: .eight))
    }
  }
}
