// SPDX-License-Identifier: Apache-2.0
// Where hash ledgers are kept: one small file beside each content of more than a stretch. They follow from the contents
// and prove themselves, so they are written without a flush, and a lost or torn one costs time and nothing else.

public import Basics

extension ModelStore {
  /// The ledger of a kept content; nil when there is none that fits.
  public func ledger(_ digest: Digest, byteCount: Int) -> HashLedger? {
    if byteCount <= HashLedger.stretchByteCount { return HashLedger(ofShort: byteCount) }
    guard let bytes = try? Files.read(layout.ledger(digest), limit: 256 << 20) else { return nil }
    return HashLedger(text: String(decoding: bytes, as: UTF8.self), byteCount: byteCount)
  }

  /// Keeps a content's ledger, if it can.
  public func keep(_ ledger: HashLedger, of digest: Digest) {
    guard ledger.count > 1 else { return }
    let temporary = "\(layout.ingest)/\(Files.uniqueSuffix()).ledger"
    do throws(FileProblem) {
      try Files.makeFolders(layout.ledgers)
      try OpenFile.creating(temporary).write(Array(ledger.text.utf8).span)
      try Files.rename(temporary, to: layout.ledger(digest))
    } catch {
      try? Files.remove(temporary)
    }
  }

  /// Removes ledgers of contents that are gone.
  func forgetLedgers() throws {
    for name in (try? Files.list(layout.ledgers)) ?? [] where Digest(hex: name).map({ !holds($0) }) ?? true {
      try Files.remove("\(layout.ledgers)/\(name)")
    }
  }
}
