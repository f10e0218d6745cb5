// SPDX-License-Identifier: Apache-2.0
// How many bits an element of the key/value cache takes.

/// Bits of an element of the key/value cache. With 8 or 4 every 32 elements of a token's head are codes that share a scale.
public enum CacheBits: Int, Sendable, CaseIterable {
  case sixteen = 16
  case eight = 8
  case four = 4

  /// Codes of as many bits in the kernels' words, or elements of a float type.
  var codeBits: Int32 { self == .sixteen ? 0 : Int32(rawValue) }
}
