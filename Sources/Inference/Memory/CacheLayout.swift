// SPDX-License-Identifier: Apache-2.0
// Where each layer's keys and values lie within a page of the cache.

import CKernels
import Models

/// The layout of a page: for each layer its keys, then its values, of `pageTokens` tokens.
struct CacheLayout {
  /// Tokens of a page; the attention kernel is fastest with this.
  static let pageTokens = 64

  let pageBytes: Int
  private let layers: [ck_cache]

  init(_ architecture: Architecture, dtype: ck_dtype) {
    let element = dtype == CK_F32 ? 4 : 2
    var place = 0
    var layers: [ck_cache] = []
    for attention in architecture.layers.map(\.attention) {
      let size = (Self.pageTokens * attention.keyValueWidth * element).roundedUp(to: 64)
      var cache = ck_cache()
      cache.page_tokens = Int32(Self.pageTokens)
      cache.kv_heads = Int32(attention.keyValueHeads)
      cache.key_size = Int32(attention.headSize)
      cache.value_size = Int32(attention.headSize)
      cache.dtype = dtype
      cache.key_offset = place
      cache.value_offset = place + size
      place += 2 * size
      layers.append(cache)
    }
    pageBytes = place
    self.layers = layers
  }

  /// The cache as each layer sees it, with its first page at `base`.
  func caches(at base: UnsafeMutableRawPointer) -> [ck_cache] {
    layers.map { layer in
      var cache = layer
      cache.base = base.assumingMemoryBound(to: UInt8.self)
      cache.page_bytes = pageBytes
      return cache
    }
  }
}
