// SPDX-License-Identifier: Apache-2.0
// How many bits an element of the key/value cache takes.

/// Bits of an element of the key/value cache. With 8 or 4 every 32 elements of a token's head are codes that share a scale.
///
/// `four` is what values get; keys stay at 8: a few of their elements are far larger than the others in some models, and
/// with 16 steps for all of them nothing is left of the others (docs/precision.md).
public enum CacheBits: Int, Sendable, CaseIterable {
  case sixteen = 16
  case eight = 8
  case four = 4

  /// Codes of keys and of values in the kernels' words; 0: elements of a float type.
  var codes: (keys: Int32, values: Int32) {
    switch self {
    case .sixteen: (0, 0)
    case .eight: (8, 8)
    case .four: (8, 4)
    }
  }
}
