// SPDX-License-Identifier: Apache-2.0
// Where each layer's keys and values lie within a page of the cache.

import CKernels
import Models

/// The layout of a page: for each layer its keys, then its values, of `pageTokens` tokens. Layers that keep a state instead
/// take nothing.
struct CacheLayout {
  /// Tokens of a page; the attention kernel is fastest with this.
  static let pageTokens = 64

  let pageBytes: Int
  private let layers: [ck_cache]

  /// - Parameter precise: elements are float32, whatever `bits` says.
  init(_ architecture: Architecture, bits: CacheBits, precise: Bool) {
    var place = 0
    var layers: [ck_cache] = []
    for layer in architecture.layers {
      var cache = ck_cache()
      cache.page_tokens = Int32(Self.pageTokens)
      cache.dtype = precise ? CK_F32 : CK_F16
      if !precise { (cache.key_bits, cache.value_bits) = bits.codes }
      if let heads = layer.mixer.cached {
        cache.kv_heads = Int32(heads.count)
        cache.key_size = Int32(heads.keySize)
        cache.value_size = Int32(heads.valueSize)
        cache.key_offset = place
        cache.value_offset = place + ck_cache_key_bytes(&cache)
        place = cache.value_offset + ck_cache_value_bytes(&cache)
      }
      layers.append(cache)
    }
    // Without any attention a page still counts tokens.
    pageBytes = max(place, 64)
    self.layers = layers
  }

  /// Bytes of each layer's keys and values of one token.
  var tokenBytes: [Double] {
    layers.map { layer in
      var layer = layer
      return Double(ck_cache_key_bytes(&layer) + ck_cache_value_bytes(&layer)) / Double(Self.pageTokens)
    }
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
