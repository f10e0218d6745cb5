// SPDX-License-Identifier: Apache-2.0
// A hash that is put down and taken up again.

import Basics
import Support
import Testing

@Suite struct SHA256Tests {
  @Test(
    "gone on with from its state it is the hash of everything", arguments: [0, 1, 55, 63, 64, 65, 1000, 4096, 10_000])
  func resumed(cut: Int) throws {
    let bytes = LoopbackFile.noise(10_000, seed: 3)
    var first = SHA256()
    first.update(Array(bytes[..<cut]).span)
    var second = try #require(SHA256(state: first.state))
    // Finishing or going on with one does not touch the other.
    #expect(first.digest == Digest.of(Array(bytes[..<cut])))
    second.update(Array(bytes[cut...]).span)
    #expect(second.digest == Digest.of(bytes))
    #expect(first.digest == Digest.of(Array(bytes[..<cut])))
  }

  @Test("what is no state is none")
  func hostile() {
    let state = SHA256().state
    for text in ["", "00", String(state.dropLast(2)), state + "00", "x" + state.dropFirst()] {
      #expect(SHA256(state: text) == nil, "\(text.count)")
    }
    // The count of waiting bytes, and the digest's length, as the library trusts them.
    var bytes = Hex.bytes(state) ?? []
    bytes[bytes.count - 8] = 64
    #expect(SHA256(state: Hex.text(bytes)) == nil)
    bytes[bytes.count - 8] = 0
    bytes[bytes.count - 4] = 255
    #expect(SHA256(state: Hex.text(bytes)) == nil)
  }

  @Test(
    "two at once are the hashes of each",
    arguments: [(0, 0), (64, 64), (128, 64), (64, 1000), (1000, 1000), (8192, 8191), (7, 9000)])
  func pairs(first: Int, second: Int) {
    let bytes = (LoopbackFile.noise(9000, seed: 5), LoopbackFile.noise(9000, seed: 6))
    for before in [0, 64, 5, 640] {
      var (one, other) = (SHA256(), SHA256())
      one.update(bytes.0.span.extracting(first: before))
      other.update(bytes.1.span.extracting(first: before / 64 * 64))
      SHA256.update(&one, bytes.0.span.extracting(first: first), &other, bytes.1.span.extracting(first: second))
      SHA256.update(&other, bytes.0.span.extracting(first: 64), &one, bytes.1.span.extracting(first: 64))
      #expect(one.digest == Digest.of(Array(bytes.0[..<before] + bytes.0[..<first] + bytes.1[..<64])))
      #expect(
        other.digest == Digest.of(Array(bytes.1[..<(before / 64 * 64)] + bytes.1[..<second] + bytes.0[..<64])))
    }
  }

  @Test("two at once count their bytes beyond 32 bits of bits") func counts() throws {
    let stretch = [UInt8](repeating: 3, count: 1 << 20)
    var (one, other, expected) = (SHA256(), SHA256(), SHA256())
    for _ in 0..<513 {
      SHA256.update(&one, stretch.span, &other, stretch.span)
      expected.update(stretch.span)
    }
    #expect(one.digest == expected.digest && other.digest == expected.digest)
  }
}
