// SPDX-License-Identifier: Apache-2.0
// A hash that is put down and taken up again.

import Basics
import Support
import Testing

@Suite("A hash with a state") struct PausableSHA256Tests {
  @Test(
    "gone on with from its state it is the hash of everything", arguments: [0, 1, 55, 63, 64, 65, 1000, 4096, 10_000])
  func resumed(cut: Int) throws {
    let bytes = LoopbackFile.noise(10_000, seed: 3)
    var first = PausableSHA256()
    first.update(Array(bytes[..<cut]).span)
    var second = try #require(PausableSHA256(state: first.state))
    // Finishing or going on with one does not touch the other.
    #expect(first.finish() == Digest.of(Array(bytes[..<cut])))
    second.update(Array(bytes[cut...]).span)
    #expect(second.finish() == Digest.of(bytes))
    #expect(first.finish() == Digest.of(Array(bytes[..<cut])))
  }

  @Test("what is no state is none")
  func hostile() {
    let state = PausableSHA256().state
    for text in ["", "00", String(state.dropLast(2)), state + "00", "x" + state.dropFirst()] {
      #expect(PausableSHA256(state: text) == nil, "\(text.count)")
    }
    // The count of waiting bytes, and the digest's length, as the library trusts them.
    var bytes = Hex.bytes(state) ?? []
    bytes[bytes.count - 8] = 64
    #expect(PausableSHA256(state: Hex.text(bytes)) == nil)
    bytes[bytes.count - 8] = 0
    bytes[bytes.count - 4] = 255
    #expect(PausableSHA256(state: Hex.text(bytes)) == nil)
  }
}
