// SPDX-License-Identifier: Apache-2.0
// The buffers of an encoder, allocated once for the largest batch.

import CKernels
import Models

/// Buffers for `T` tokens; rows one after the other. Memory is resident only where it has been used.
struct EncoderSpace: ~Copyable {
  let hidden: UnsafeMutablePointer<Float>  // [T, hidden]
  let added: UnsafeMutablePointer<Float>  // [hidden]
  let heads: UnsafeMutablePointer<Float>  // [T, queries | keys | values]
  let attended: UnsafeMutablePointer<Float>  // [T, hidden]
  let wide: UnsafeMutablePointer<Float>  // [T, widest feed-forward]
  let scratch: UnsafeMutableRawPointer
  /// Texts of a batch.
  let entryLimit: Int
  let entries: UnsafeMutablePointer<ck_attention_entry>
  /// Numbers of pages, in order.
  let pages: UnsafeMutablePointer<Int32>
  private let cache: UnsafeMutableRawPointer
  private let memory: AnonymousMemory

  init(_ encoder: EncoderArchitecture, tokens: Int, threads: Int) throws(InferenceProblem) {
    let (hidden, page) = (encoder.hiddenSize, CacheLayout.pageTokens)
    let heads = encoder.layers[0].heads
    entryLimit = tokens
    // A text of one token takes a page too.
    let pageCount = tokens / page + min(tokens, entryLimit) + 1
    let wide = encoder.layers.map(\.up.outputs).max() ?? hidden
    var attention = Self.attention(heads, width: hidden, cache: nil)
    let scratchBytes = max(
      ck_linear_scratch(Int32(hidden), Int32(tokens), Int32(threads)),
      ck_feed_scratch(Int32(hidden), Int32(wide), Int32(tokens), Int32(threads)),
      ck_attention_scratch(&attention, Int32(threads)))
    let sizes = [
      hidden * tokens * 4, hidden * 4, 3 * hidden * tokens * 4, hidden * tokens * 4,
      wide * tokens * 4, entryLimit * MemoryLayout<ck_attention_entry>.stride, pageCount * 4,
      pageCount * 2 * page * hidden * 4, scratchBytes,
    ].map { $0.roundedUp(to: 64) }
    let memory = try AnonymousMemory(byteCount: sizes.reduce(0, +), hugePages: false)
    var place = memory.base
    var starts: [UnsafeMutableRawPointer] = []
    for size in sizes {
      starts.append(place)
      place += size
    }
    self.hidden = starts[0].assumingMemoryBound(to: Float.self)
    added = starts[1].assumingMemoryBound(to: Float.self)
    self.heads = starts[2].assumingMemoryBound(to: Float.self)
    attended = starts[3].assumingMemoryBound(to: Float.self)
    self.wide = starts[4].assumingMemoryBound(to: Float.self)
    entries = starts[5].bindMemory(to: ck_attention_entry.self, capacity: entryLimit)
    pages = starts[6].bindMemory(to: Int32.self, capacity: pageCount)
    for number in 0..<pageCount { pages[number] = Int32(number) }
    cache = starts[7]
    scratch = starts[8]
    self.memory = memory
  }

  /// The attention of a layer; all layers use the same memory in turn.
  func attention(_ heads: Int, width: Int) -> ck_attention { Self.attention(heads, width: width, cache: cache) }

  private static func attention(_ heads: Int, width: Int, cache: UnsafeMutableRawPointer?) -> ck_attention {
    let page = CacheLayout.pageTokens
    var attention = ck_attention()
    attention.cache.base = cache?.assumingMemoryBound(to: UInt8.self)
    attention.cache.page_bytes = 2 * page * width * 4
    attention.cache.value_offset = page * width * 4
    attention.cache.page_tokens = Int32(page)
    attention.cache.kv_heads = Int32(heads)
    attention.cache.key_size = Int32(width / heads)
    attention.cache.value_size = Int32(width / heads)
    attention.cache.dtype = CK_F32
    attention.heads = Int32(heads)
    attention.scale = 1 / Float(width / heads).squareRoot()
    attention.bidirectional = true
    attention.query_stride = 3 * width
    attention.out_stride = width
    return attention
  }
}
