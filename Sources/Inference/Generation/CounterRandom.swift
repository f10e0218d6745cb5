// SPDX-License-Identifier: Apache-2.0
// Philox 4x32-10: a random number as a function of a key and a counter (Salmon, Moraes, Dror, Shaw:
// "Parallel random numbers: as easy as 1, 2, 3", 2011). No state is carried from token to token, so a
// request's draws depend on its seed and on nothing its neighbours in a batch do.

/// Random numbers by place instead of by sequence.
public struct CounterRandom: Sendable {
  /// The key.
  public let seed: UInt64
  /// Tells apart the streams of several answers to one request.
  public let stream: UInt32

  public init(seed: UInt64, stream: UInt32 = 0) {
    self.seed = seed
    self.stream = stream
  }

  /// The number at `step`, at least 0 and below 1, with 53 random bits.
  public func uniform(step: UInt64) -> Double {
    let block = Self.philox(
      counter: [UInt32(truncatingIfNeeded: step), UInt32(step >> 32), stream, 0],
      key: [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)])
    let bits = UInt64(block[1]) << 32 | UInt64(block[0])
    return Double(bits >> 11) * 0x1p-53
  }

  /// Ten rounds over one block.
  package static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var x = counter
    var k = key
    for _ in 0..<10 {
      let a = UInt64(0xD251_1F53) * UInt64(x[0])
      let b = UInt64(0xCD9E_8D57) * UInt64(x[2])
      x = [
        UInt32(b >> 32) ^ x[1] ^ k[0], UInt32(truncatingIfNeeded: b),
        UInt32(a >> 32) ^ x[3] ^ k[1], UInt32(truncatingIfNeeded: a),
      ]
      k = k &+ [0x9E37_79B9, 0xBB67_AE85]
    }
    return x
  }
}
