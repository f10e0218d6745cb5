// SPDX-License-Identifier: Apache-2.0
// Numbers for the fuzzer: the same seed gives the same inputs on every machine.

/// SplitMix64.
public struct Randomness: Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// A number below `limit`; 0 when that is 0.
  public mutating func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(next() % UInt64(limit)) }

  public mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }

  /// One of the items.
  public mutating func pick<Items: RandomAccessCollection>(_ items: Items) -> Items.Element {
    items[items.index(items.startIndex, offsetBy: below(items.count))]
  }
}
