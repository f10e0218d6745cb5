// SPDX-License-Identifier: Apache-2.0
// The chain of a SHA-256: what it proves, and that nothing else passes for it.

import Basics
import Testing

@Suite struct HashLedgerTests {
  private static let stretch = HashLedger.stretchByteCount

  /// Bytes that differ from stretch to stretch.
  private static func content(_ count: Int) -> [UInt8] {
    let tile = (0..<4099).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 5) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + tile.count)
    while bytes.count < count { bytes += tile }
    return Array(bytes[..<count])
  }

  private static func ledger(_ bytes: [UInt8], piece: Int) -> (digest: Digest, ledger: HashLedger) {
    var hash = LedgerHash()
    var done = 0
    while done < bytes.count {
      let count = min(piece, bytes.count - done)
      hash.update(bytes.span.extracting(done..<done + count))
      done += count
    }
    return hash.finish()
  }

  @Test(
    "sizes around a stretch, taken in pieces of any size",
    arguments: [0, 1, 64, stretch - 1, stretch, stretch + 1, 2 * stretch, 2 * stretch + 65], [1 << 20, 777_777])
  func sizes(byteCount: Int, piece: Int) throws {
    let bytes = Self.content(byteCount)
    let (digest, ledger) = Self.ledger(bytes, piece: piece)
    #expect(digest == Digest.of(bytes))
    #expect(ledger.count == max(1, (byteCount + Self.stretch - 1) / Self.stretch))
    for stretch in 0..<ledger.count {
      var hash = ledger.hash(at: stretch)
      hash.update(bytes.span.extracting(ledger.bytes(of: stretch)))
      let isRight = ledger.agrees(hash, after: stretch, of: digest)
      #expect(isRight)
    }
    #expect(HashLedger(text: ledger.text, byteCount: byteCount) == ledger)
  }

  @Test("a changed byte is found in its stretch and in no other") func changed() throws {
    var bytes = Self.content(3 * Self.stretch - 5)
    let (digest, ledger) = Self.ledger(bytes, piece: 1 << 20)
    bytes[Self.stretch + 17] ^= 4
    let right = (0..<3).map { stretch in
      var hash = ledger.hash(at: stretch)
      hash.update(bytes.span.extracting(ledger.bytes(of: stretch)))
      return ledger.agrees(hash, after: stretch, of: digest)
    }
    #expect(right == [true, false, true])
  }

  @Test("the chain is SHA-256's own: the value after a step is the one of FIPS 180-4") func known() throws {
    // After the one padded step of "abc" the words are the digest itself.
    var hash = SHA256()
    let step = Array("abc".utf8) + [0x80] + [UInt8](repeating: 0, count: 59) + [0x18]
    hash.update(step.span)
    #expect(hash.chainingValue?.hex == Digest.of(Array("abc".utf8)).hex)
    hash.update([1].span)
    #expect(hash.chainingValue == nil)
  }

  @Test(
    "what is no ledger of the content is none",
    arguments: [
      "", "\n", "impetus-ledger 1 16777217 8388608\n", "impetus-ledger 2 9000000 8388608\n",
      "impetus-ledger 1 9000000 8388608\n" + String(repeating: "A", count: 64) + "\n",
      "impetus-ledger 1 9000000 8388608\n" + String(repeating: "a", count: 63) + "\n",
      "impetus-ledger 1 9000000 8388608\n" + String(repeating: "a", count: 64),
      "impetus-ledger 1 9000001 8388608\n" + String(repeating: "a", count: 64) + "\n",
    ])
  func torn(text: String) { #expect(HashLedger(text: text, byteCount: 9_000_000) == nil) }
}
