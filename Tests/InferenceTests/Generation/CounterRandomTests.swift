// SPDX-License-Identifier: Apache-2.0

import Inference
import Testing

@Suite("CounterRandom")
struct CounterRandomTests {
  /// From the Random123 library's known-answer tests (philox4x32, 10 rounds).
  @Test(
    "gives the published blocks",
    arguments: [
      (
        SIMD4<UInt32>(0, 0, 0, 0), SIMD2<UInt32>(0, 0),
        SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
      ),
      (
        SIMD4<UInt32>(repeating: .max), SIMD2<UInt32>(repeating: .max),
        SIMD4<UInt32>(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
      ),
      (
        SIMD4<UInt32>(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2<UInt32>(0xa409_3822, 0x299f_31d0),
        SIMD4<UInt32>(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
      ),
    ])
  func blocks(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, expected: SIMD4<UInt32>) {
    #expect(CounterRandom.philox(counter: counter, key: key) == expected)
  }

  @Test("spreads over the unit interval and depends on seed, stream and step")
  func spread() {
    let random = CounterRandom(seed: 7)
    let draws = (0..<4096).map { random.uniform(step: $0) }
    #expect(draws.allSatisfy { (0..<1).contains($0) })
    #expect(Set(draws).count == draws.count)
    let mean = draws.reduce(0, +) / Double(draws.count)
    #expect(abs(mean - 0.5) < 0.02)
    #expect(CounterRandom(seed: 8).uniform(step: 0) != random.uniform(step: 0))
    #expect(CounterRandom(seed: 7, stream: 1).uniform(step: 0) != random.uniform(step: 0))
    #expect(CounterRandom(seed: 7).uniform(step: 99) == draws[99])
  }
}
