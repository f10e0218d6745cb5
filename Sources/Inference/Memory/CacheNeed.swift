// SPDX-License-Identifier: Apache-2.0
// How much memory a sequence's keys, values and states take, told without loading a model.

public import Models

/// Memory of a sequence beside the weights.
public enum CacheNeed {
  /// Bytes of the key/value cache and of recurrent states for a sequence of so many tokens, as the fast kernels keep them.
  public static func byteCount(_ architecture: Architecture, tokens: Int) -> Int {
    let pages = max(0, tokens).roundedUp(to: CacheLayout.pageTokens) / CacheLayout.pageTokens
    let pageBytes = CacheLayout(architecture, bits: .sixteen, precise: false).pageBytes
    let cache = pageBytes.multipliedReportingOverflow(by: pages)
    return cache.overflow ? Int.max : cache.partialValue &+ RecurrentStates.places(architecture).size * 4
  }
}
