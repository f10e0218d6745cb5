// SPDX-License-Identifier: Apache-2.0
// Attention over pages against the textbook, for windows, caps, sinks and every way of cutting a text into steps.

import CKernels
import Testing

@Suite struct AttentionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var heads = 4
    var keyHeads = 2
    var size = 32
    var window = 0
    var cap: Float = 0
    var sinks = false
    var tokens = 150
    /// Bits of the cache's codes; 0: floats.
    var bits: Int32 = 0
    var testDescription: String {
      "\(heads)/\(keyHeads) x \(size), window \(window), cap \(cap), sinks \(sinks), bits \(bits)"
    }
  }

  private static let pageTokens = 64

  /// exp(score) summed over what each token sees, in double.
  private static func textbook(_ one: Case, queries: [Float], keys: [Float], values: [Float], sinks: [Float]) -> [Float]
  {
    let (width, keyWidth) = (one.heads * one.size, one.keyHeads * one.size)
    var out = [Float](repeating: 0, count: one.tokens * width)
    for token in 0..<one.tokens {
      for head in 0..<one.heads {
        let group = head / (one.heads / one.keyHeads)
        let first = one.window > 0 ? max(0, token - one.window + 1) : 0
        var scores: [Double] = []
        for position in first...token {
          var score = 0.0
          for d in 0..<one.size {
            score +=
              Double(queries[token * width + head * one.size + d])
              * Double(keys[position * keyWidth + group * one.size + d])
          }
          score *= 0.25
          if one.cap > 0 { score = Double(one.cap) * tanhOf(score / Double(one.cap)) }
          scores.append(score)
        }
        var top = scores.max() ?? 0
        if one.sinks { top = max(top, Double(sinks[head])) }
        let weights = scores.map { expOf($0 - top) }
        let sum = weights.reduce(0, +) + (one.sinks ? expOf(Double(sinks[head]) - top) : 0)
        for d in 0..<one.size {
          var value = 0.0
          for (index, weight) in weights.enumerated() {
            value += weight / sum * Double(values[(first + index) * keyWidth + group * one.size + d])
          }
          out[token * width + head * one.size + d] = Float(value)
        }
      }
    }
    return out
  }

  private static func expOf(_ x: Double) -> Double {
    // Range reduction and a series: no library is needed for thirteen digits.
    let k = (x / 0.6931471805599453).rounded()
    let r = x - k * 0.6931471805599453
    var (term, sum) = (1.0, 1.0)
    for n in 1..<24 {
      term *= r / Double(n)
      sum += term
    }
    return k < -1000 ? 0 : sum * Double(sign: .plus, exponent: Int(k), significand: 1)
  }
  private static func tanhOf(_ x: Double) -> Double { 1 - 2 / (expOf(2 * x) + 1) }

  private static func run(
    _ one: Case, isa: ck_isa, threads: Int, steps: [Int], queries: [Float], keys: [Float], values: [Float],
    sinks: [Float]
  ) -> [Float] {
    let (width, keyWidth) = (one.heads * one.size, one.keyHeads * one.size)
    let pages: [Int32] = [2, 0, 1]
    var attention = ck_attention()
    attention.cache.page_tokens = Int32(pageTokens)
    attention.cache.kv_heads = Int32(one.keyHeads)
    attention.cache.key_size = Int32(one.size)
    attention.cache.value_size = Int32(one.size)
    attention.cache.dtype = CK_F32
    (attention.cache.key_bits, attention.cache.value_bits) = (one.bits, one.bits)
    attention.cache.value_offset = ck_cache_key_bytes(&attention.cache)
    attention.cache.page_bytes = attention.cache.value_offset + ck_cache_value_bytes(&attention.cache)
    let memory = Aligned(pages.count * attention.cache.page_bytes)
    attention.cache.base = memory.base.assumingMemoryBound(to: UInt8.self)
    attention.heads = Int32(one.heads)
    attention.scale = 0.25
    attention.soft_cap = one.cap
    attention.window = Int32(one.window)
    attention.query_stride = width
    attention.out_stride = width
    let pool = ck_pool_create(Int32(threads))
    defer { ck_pool_destroy(pool) }
    var out = [Float](repeating: .nan, count: one.tokens * width)
    return sinks.withUnsafeBufferPointer { sinks in
      if one.sinks { attention.sinks = sinks.baseAddress }
      let scratch = Aligned(ck_attention_scratch(&attention, Int32(threads)))
      var first = 0
      for step in steps {
        for position in first..<first + step {
          ck_cache_store(
            &attention.cache, pages, Int32(position), Array(keys[position * keyWidth..<(position + 1) * keyWidth]),
            Array(values[position * keyWidth..<(position + 1) * keyWidth]))
        }
        pages.withUnsafeBufferPointer { pages in
          queries.withUnsafeBufferPointer { queries in
            out.withUnsafeMutableBufferPointer { out in
              var entry = ck_attention_entry(
                pages: pages.baseAddress, first_position: Int32(first), tokens: Int32(step),
                queries: queries.baseAddress! + first * width, out: out.baseAddress! + first * width)
              ck_attend(pool, isa, &attention, &entry, 1, scratch.base)
            }
          }
        }
        first += step
      }
      return out
    }
  }

  @Test(
    "is the textbook's, the same bits however a text is cut; codes come as near as they can",
    arguments: [
      Case(), Case(heads: 9, keyHeads: 3, size: 64), Case(window: 40), Case(cap: 3), Case(sinks: true),
      Case(heads: 1, keyHeads: 1, size: 16, tokens: 5),
      Case(heads: 8, keyHeads: 1, size: 128, window: 100, sinks: true),
      Case(bits: 8), Case(heads: 9, keyHeads: 3, size: 64, bits: 8), Case(size: 20, window: 40, sinks: true, bits: 8),
      Case(bits: 4), Case(heads: 9, keyHeads: 3, size: 64, bits: 4), Case(size: 80, window: 40, cap: 3, bits: 4),
    ])
  func attention(_ one: Case) {
    var noise = Noise(11)
    let (width, keyWidth) = (one.heads * one.size, one.keyHeads * one.size)
    let queries = noise.floats(one.tokens * width)
    let keys = noise.floats(one.tokens * keyWidth)
    let values = noise.floats(one.tokens * keyWidth)
    let sinks = noise.floats(one.heads)
    let expected = Self.textbook(one, queries: queries, keys: keys, values: values, sinks: sinks)
    for isa in instructionSets {
      let whole = Self.run(
        one, isa: isa, threads: 1, steps: [one.tokens], queries: queries, keys: keys, values: values, sinks: sinks)
      let worst = zip(whole, expected).map { abs($0 - $1) }.max() ?? 0
      let bound: Float = one.bits == 0 ? 2e-5 : one.bits == 8 ? 0.03 : 0.4
      #expect(worst < bound, "isa \(isa.rawValue): off by \(worst)")
      var steps = [1, 1, 3]
      while steps.reduce(0, +) < one.tokens { steps.append(min(37, one.tokens - steps.reduce(0, +))) }
      let cut = Self.run(
        one, isa: isa, threads: 3, steps: steps, queries: queries, keys: keys, values: values, sinks: sinks)
      #expect(cut == whole, "isa \(isa.rawValue) in pieces")
    }
  }
}
