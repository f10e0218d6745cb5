// SPDX-License-Identifier: Apache-2.0
// The buffers of an encoder, allocated once for the largest batch.

import CKernels
import Models

/// Buffers for `T` tokens; rows one after the other. Memory is resident only where it has been used.
struct EncoderSpace: ~Copyable {
  let hidden: UnsafeMutablePointer<Float>  // [T, hidden]
  let normed: UnsafeMutablePointer<Float>  // [T, hidden], where norms stand before the halves
  let added: UnsafeMutablePointer<Float>  // [T, hidden]
  let heads: UnsafeMutablePointer<Float>  // [T, queries | keys | values]
  let attended: UnsafeMutablePointer<Float>  // [T, queries]
  let wide: UnsafeMutablePointer<Float>  // [T, widest feed-forward]
  let wider: UnsafeMutablePointer<Float>  // [T, widest feed-forward], where it is gated
  let cosines: UnsafeMutablePointer<Float>  // for each rope [T, pairs], room for rotationWidth of them
  let sines: UnsafeMutablePointer<Float>
  /// Most pairs that are rotated.
  let rotationWidth: Int
  let scratch: UnsafeMutableRawPointer
  /// Texts of a batch.
  let entryLimit: Int
  let entries: UnsafeMutablePointer<ck_attention_entry>
  /// Numbers of pages, in order.
  let pages: UnsafeMutablePointer<Int32>
  private let cache: UnsafeMutableRawPointer
  private let memory: AnonymousMemory

  /// - Parameter texts: most of a batch.
  init(
    _ encoder: EncoderArchitecture, _ layers: [EncoderLayer], tokens: Int, texts: Int, threads: Int
  ) throws(InferenceProblem) {
    let (hidden, page, attention) = (encoder.hiddenSize, CacheLayout.pageTokens, layers[0].attention)
    entryLimit = texts
    // A text of one token takes a page too.
    let pageCount = tokens / page + texts + 1
    let wide = layers.map(\.mlp.up.outputs).max() ?? hidden
    let isGated = layers.contains { $0.mlp.gate != nil }
    rotationWidth = encoder.ropes.map { $0.size / 2 }.max() ?? 0
    let rotations = encoder.ropes.count * rotationWidth
    var kernel = ck_attention(attention, cache: nil, isCausal: encoder.isCausal)
    let scratchBytes = max(
      ck_linear_scratch(Int32(max(hidden, attention.queryWidth)), Int32(tokens), Int32(threads)),
      ck_feed_scratch(Int32(hidden), Int32(wide), Int32(tokens), Int32(threads)),
      ck_attention_scratch(&kernel, Int32(threads)))
    let rows = [
      hidden, encoder.normsSums ? 0 : hidden, hidden, attention.rowWidth, attention.queryWidth, wide,
      isGated ? wide : 0, rotations, rotations,
    ]
    var sizes: [Int] = []
    for (count, byteCount) in rows.map({ (tokens, $0 * 4) }) + [
      (texts, MemoryLayout<ck_attention_entry>.stride), (pageCount, 4), (pageCount, kernel.cache.page_bytes),
      (1, scratchBytes),
    ] {
      let (size, overflows) = count.multipliedReportingOverflow(by: byteCount)
      // No machine has so much, and thirteen of them can be added.
      guard !overflows, size < 1 << 48 else { throw .outOfMemory(byteCount: .max) }
      sizes.append(size.roundedUp(to: 64))
    }
    let memory = try AnonymousMemory(byteCount: sizes.reduce(0, +), hugePages: false)
    var place = memory.base
    var starts: [UnsafeMutableRawPointer] = []
    for size in sizes {
      starts.append(place)
      place += size
    }
    self.hidden = starts[0].assumingMemoryBound(to: Float.self)
    normed = starts[1].assumingMemoryBound(to: Float.self)
    added = starts[2].assumingMemoryBound(to: Float.self)
    heads = starts[3].assumingMemoryBound(to: Float.self)
    attended = starts[4].assumingMemoryBound(to: Float.self)
    self.wide = starts[5].assumingMemoryBound(to: Float.self)
    wider = starts[6].assumingMemoryBound(to: Float.self)
    cosines = starts[7].assumingMemoryBound(to: Float.self)
    sines = starts[8].assumingMemoryBound(to: Float.self)
    entries = starts[9].bindMemory(to: ck_attention_entry.self, capacity: entryLimit)
    pages = starts[10].bindMemory(to: Int32.self, capacity: pageCount)
    for number in 0..<pageCount { pages[number] = Int32(number) }
    cache = starts[11]
    scratch = starts[12]
    self.memory = memory
  }

  /// The attention of a layer; all layers use the same memory in turn.
  func attention(_ attention: Attention, isCausal: Bool) -> ck_attention {
    ck_attention(attention, cache: cache, isCausal: isCausal)
  }
}

extension Attention {
  /// Queries, keys and values of a token.
  var rowWidth: Int { queryWidth + 2 * keyValueWidth }
}

extension ck_attention {
  /// An encoder's attention, with keys and values in float32.
  fileprivate init(_ attention: Attention, cache base: UnsafeMutableRawPointer?, isCausal: Bool) {
    self.init()
    cache.base = base?.assumingMemoryBound(to: UInt8.self)
    cache.page_tokens = Int32(CacheLayout.pageTokens)
    cache.kv_heads = Int32(attention.keyValueHeads)
    cache.key_size = Int32(attention.headSize)
    cache.value_size = Int32(attention.headSize)
    cache.dtype = CK_F32
    cache.value_offset = ck_cache_key_bytes(&cache)
    cache.page_bytes = cache.value_offset + ck_cache_value_bytes(&cache)
    heads = Int32(attention.heads)
    scale = attention.scale
    soft_cap = attention.softCap ?? 0
    window = Int32(attention.window ?? 0)
    bidirectional = !isCausal
    query_stride = attention.rowWidth
    out_stride = attention.queryWidth
  }
}
