// SPDX-License-Identifier: Apache-2.0
// Cosines and sines of the positions of a step, in float32 as the reference computes them: the angle is the float32
// product of position and frequency.

import Glibc
import Models

/// The rotary embeddings of a model and which frequencies a sequence uses.
struct Rotations {
  private let ropes: [Rope]
  /// Frequencies of each rope up to its original context.
  private let short: [[Float]]
  /// Frequencies beyond it; empty where they are the same.
  private let long: [[Float]]
  /// Total length beyond which cached keys have to be rotated anew; nil when they never are.
  let switchLength: Int?

  init(_ ropes: [Rope]) {
    self.ropes = ropes
    short = ropes.map { $0.frequencies(totalLength: 0) }
    long = ropes.map { rope in rope.isLongrope ? rope.frequencies(totalLength: (rope.switchLength ?? 0) + 1) : [] }
    switchLength = ropes.compactMap { $0.isLongrope ? $0.switchLength : nil }.min()
  }

  /// Fills the rows of `count` tokens from `position` on, for a sequence of `total` tokens.
  /// - Parameters:
  ///   - cosines, sines: for each rope room for stepTokens * width values, its rows [pairs] close together.
  ///   - row: row of the first token.
  func fill(
    position: Int, count: Int, total: Int, row: Int, stepTokens: Int, width: Int, cosines: UnsafeMutablePointer<Float>,
    sines: UnsafeMutablePointer<Float>
  ) {
    for (index, rope) in ropes.enumerated() {
      let place = index * stepTokens * width + row * rope.size / 2
      switch rope.scaling {
      case .dynamic(_, let original) where total > original:
        fill(rope.frequencies(totalLength: total), rope, position, count, cosines + place, sines + place)
      case .longrope(_, _, let original) where total > original:
        fill(long[index], rope, position, count, cosines + place, sines + place)
      default: fill(short[index], rope, position, count, cosines + place, sines + place)
      }
    }
  }

  private func fill(
    _ frequencies: [Float], _ rope: Rope, _ position: Int, _ count: Int,
    _ cosines: UnsafeMutablePointer<Float>, _ sines: UnsafeMutablePointer<Float>
  ) {
    let factor = Float(rope.attentionFactor)
    frequencies.withUnsafeBufferPointer { frequencies in
      for token in 0..<count {
        let place = token * frequencies.count
        for pair in 0..<frequencies.count {
          let angle = Float(position + token) * frequencies[pair]
          cosines[place + pair] = cosf(angle) * factor
          sines[place + pair] = sinf(angle) * factor
        }
      }
    }
  }
}

extension Rope {
  /// Whether all keys of a sequence use the frequencies of its total length.
  var isLongrope: Bool { if case .longrope = scaling { true } else { false } }
}
