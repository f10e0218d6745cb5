// SPDX-License-Identifier: Apache-2.0
// exp() over a whole vocabulary, eight at a time: libm's takes longer than a small model's layer.

/// Softmax weights without the division.
enum Exponential {
  /// Writes exp((logit - top) * factor) for each logit, 0 where that underflows or is no number.
  /// - Returns: the sum, in one fixed order.
  static func weights(
    _ logits: UnsafeMutableBufferPointer<Float>, top: Float, factor: Float, into weights: inout [Float]
  ) -> Double {
    precondition(weights.count >= logits.count)
    var sums = SIMD8<Double>(repeating: 0)
    let whole = logits.count & ~7
    guard let base = logits.baseAddress else { return 0 }
    weights.withUnsafeMutableBufferPointer { output in
      var index = 0
      while index < whole {
        let x = UnsafeRawPointer(base + index).loadUnaligned(as: SIMD8<Float>.self)
        let y = exp((x - top) * factor)
        UnsafeMutableRawPointer(output.baseAddress! + index).storeBytes(of: y, as: SIMD8<Float>.self)
        sums += SIMD8<Double>(y)
        index += 8
      }
      while index < logits.count {
        let y = exp(SIMD8(repeating: (base[index] - top) * factor))[0]
        output[index] = y
        sums[index & 7] += Double(y)
        index += 1
      }
    }
    return sums.sum()
  }

  /// exp for arguments up to 0, within 2 units in the last place: 2^n times a polynomial on ±ln(2)/2.
  @inline(__always)
  static func exp(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let isTiny = .!(x .>= -87)  // also true of NaN
    let safe = x.replacing(with: 0, where: isTiny)
    let magic: Float = 12_582_912  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    let shifted = safe * 1.442_695_04 + magic
    let n = shifted - magic
    let r = safe - n * 0.693_359_375 + n * 2.121_944_4e-4
    var p = SIMD8<Float>(repeating: 1.987_569_15e-4)
    p = p * r + 1.398_199_95e-3
    p = p * r + 8.333_451_9e-3
    p = p * r + 4.166_579_6e-2
    p = p * r + 1.666_666_55e-1
    p = p * r + 5.000_000_1e-1
    let y = p * r * r + r + 1
    let exponent = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- SIMD8(repeating: 0x4B40_0000)
    let scale = unsafeBitCast((exponent &+ 127) &<< 23, to: SIMD8<Float>.self)
    return (y * scale).replacing(with: 0, where: isTiny)
  }
}
