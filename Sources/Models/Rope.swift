// SPDX-License-Identifier: Apache-2.0
// Rotary position embeddings: the angle of pair i at position p is p * frequency[i].
// Formulas as in transformers' modeling_rope_utils, whose frequencies are float32.

internal import Glibc

/// A rotary embedding, described.
public struct Rope: Sendable, Equatable {
  /// How frequencies are changed for contexts longer than those trained on.
  public enum Scaling: Sendable, Equatable {
    case none
    /// Positions divided by a factor.
    case linear(factor: Double)
    /// A larger base once the sequence exceeds the original context ("NTK").
    case dynamic(factor: Double, originalContext: Int)
    /// Low frequencies divided by a factor, high ones kept, a ramp between (Llama 3.1).
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
    /// Low frequencies divided by a factor, with a ramp in pair numbers (YaRN).
    case yarn(factor: Double, betaFast: Double, betaSlow: Double, originalContext: Int, truncates: Bool)
    /// A divisor for each pair, one set up to the original context and one beyond (Phi-3).
    case longrope(short: [Double], long: [Double], originalContext: Int)
  }

  /// Base of the frequencies.
  public var theta: Double
  /// Leading elements of a head that are rotated; even.
  public var size: Int
  /// Pairs are (2i, 2i+1) instead of (i, i + size/2).
  public var isInterleaved = false
  public var scaling = Scaling.none
  /// Factor on the cosines and sines.
  public var attentionFactor: Double = 1

  /// Plain rotations with the given base over the first `size` elements of a head.
  public init(theta: Double, size: Int) {
    self.theta = theta
    self.size = size
  }

  /// Beyond this total length the frequencies change; nil when they never do.
  public var switchLength: Int? {
    switch scaling {
    case .dynamic(_, let original), .longrope(_, _, let original): original
    default: nil
    }
  }

  /// The frequency of each pair, in radians a position.
  /// - Parameter totalLength: tokens of the whole sequence; only some scalings depend on it.
  public func frequencies(totalLength: Int) -> [Float] {
    let plain = powers(of: theta)
    switch scaling {
    case .none: return plain.map { Float($0) }
    case .linear(let factor): return plain.map { Float($0 / factor) }
    case .dynamic(let factor, let original):
      let length = Double(max(totalLength, original))
      let growth = factor * length / Double(original) - (factor - 1)
      let base = size > 2 ? theta * pow(growth, Double(size) / Double(size - 2)) : theta
      return powers(of: base).map { Float($0) }
    case .llama3(let factor, let low, let high, let original):
      return plain.map { Float(Self.llama3($0, factor, low, high, Double(original))) }
    case .yarn(let factor, let fast, let slow, let original, let truncates):
      return yarn(plain, factor, fast, slow, Double(original), truncates)
    case .longrope(let short, let long, let original):
      return zip(plain, totalLength > original ? long : short).map { Float($0 / $1) }
    }
  }

  private func powers(of base: Double) -> [Double] {
    (0..<size / 2).map { 1 / pow(base, Double(2 * $0) / Double(size)) }
  }

  private static func llama3(
    _ frequency: Double, _ factor: Double, _ low: Double, _ high: Double, _ original: Double
  ) -> Double {
    let wavelength = 2 * Double.pi / frequency
    if wavelength < original / high { return frequency }
    if wavelength > original / low { return frequency / factor }
    let smooth = (original / wavelength - low) / (high - low)
    return (1 - smooth) * frequency / factor + smooth * frequency
  }

  private func yarn(
    _ plain: [Double], _ factor: Double, _ fast: Double, _ slow: Double, _ original: Double, _ truncates: Bool
  ) -> [Float] {
    // The pair that turns `rotations` times over the original context.
    func pair(_ rotations: Double) -> Double {
      Double(size) * log(original / (rotations * 2 * Double.pi)) / (2 * log(theta))
    }
    var low = pair(fast)
    var high = pair(slow)
    if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    low = max(low, 0)
    high = min(high, Double(size - 1))
    if low == high { high += 0.001 }
    return plain.enumerated().map { index, frequency in
      let ramp = min(max((Double(index) - low) / (high - low), 0), 1)
      return Float(frequency / factor * ramp + frequency * (1 - ramp))
    }
  }
}
