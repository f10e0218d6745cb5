// SPDX-License-Identifier: Apache-2.0
// Frequencies of the scaled rotary embeddings, against values computed with transformers' formulas.

import Models
import Testing

@Suite("Rope")
struct RopeTests {
  static let plain = Rope(theta: 10000, size: 8)

  private func near(_ left: [Float], _ right: [Float]) -> Bool {
    left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) <= 1e-6 * max(abs($1), 1e-6) }
  }

  @Test("plain frequencies fall by powers of theta")
  func powers() {
    #expect(near(Self.plain.frequencies(totalLength: 10), [1, 0.1, 0.01, 0.001]))
    #expect(Self.plain.switchLength == nil)
  }

  @Test("linear scaling divides every frequency")
  func linear() {
    var rope = Self.plain
    rope.scaling = .linear(factor: 4)
    #expect(near(rope.frequencies(totalLength: 10), [0.25, 0.025, 0.0025, 0.00025]))
  }

  @Test("dynamic scaling changes nothing up to the original context")
  func dynamic() {
    var rope = Self.plain
    rope.scaling = .dynamic(factor: 2, originalContext: 100)
    #expect(near(rope.frequencies(totalLength: 100), [1, 0.1, 0.01, 0.001]))
    // base = 10000 * (2 * 2 - 1)^(8/6)
    #expect(near(rope.frequencies(totalLength: 200), [1, 0.06933613, 0.004807499, 0.0003333333]))
    #expect(rope.switchLength == 100)
  }

  @Test("Llama 3's scaling keeps high frequencies and divides low ones")
  func llama3() {
    var rope = Rope(theta: 500000, size: 128)
    rope.scaling = .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192)
    let scaled = rope.frequencies(totalLength: 1)
    let plain = Rope(theta: 500000, size: 128).frequencies(totalLength: 1)
    #expect(scaled[0] == plain[0])
    #expect(near([scaled[63]], [plain[63] / 8]))
    #expect(zip(scaled, plain).allSatisfy { $0 <= $1 && $0 >= $1 / 8 * 0.99999 })
  }

  @Test("longrope takes the short factors up to the original context, the long ones beyond")
  func longrope() {
    var rope = Self.plain
    rope.scaling = .longrope(short: [1, 1, 2, 2], long: [4, 4, 4, 4], originalContext: 48)
    #expect(near(rope.frequencies(totalLength: 48), [1, 0.1, 0.005, 0.0005]))
    #expect(near(rope.frequencies(totalLength: 49), [0.25, 0.025, 0.0025, 0.00025]))
  }
}
