// SPDX-License-Identifier: Apache-2.0
// Contents against their names, in pieces that any number of threads may take: a stretch of 8 MiB where a content's
// ledger is here, else the whole content. A ledger needs no trust: all stretches right prove the digest (HashLedger).

internal import Basics
internal import Synchronization

/// The check of contents.
public final class Inspection: Sendable {
  private struct Piece {
    let subject: Int
    /// Nil for the whole content.
    let stretch: Int?
  }

  /// A content, and what is known of it before a byte is read.
  private struct Subject {
    let check: ModelStore.Check
    let path: String
    /// Size on the disk; nil when there is no file.
    let byteCount: Int?
    let ledger: HashLedger?

    var isRightSize: Bool { byteCount == check.descriptor.byteCount }
  }

  private struct Fault {
    var wrong: [Range<Int>] = []
    var digest: Digest?
    var problem: FileProblem?
  }

  private let store: ModelStore
  private let subjects: [Subject]
  private let pieces: [Piece]
  private let faults = Mutex<[Int: Fault]>([:])

  /// - Parameter checks: what to check, the largest first.
  public init(_ store: ModelStore, _ checks: [ModelStore.Check]) {
    self.store = store
    subjects = checks.map { check in
      let (path, digest) = (store.path(of: check.descriptor.digest), check.descriptor.digest)
      let byteCount = Files.kind(path) == .file ? try? Files.byteCount(path) : nil
      let ledger = check.descriptor.byteCount > HashLedger.stretchByteCount
      return Subject(
        check: check, path: path, byteCount: byteCount,
        ledger: ledger ? store.ledger(digest, byteCount: check.descriptor.byteCount) : nil)
    }
    var pieces: [Piece] = []
    for (index, subject) in subjects.enumerated() where subject.byteCount != nil {
      if let ledger = subject.ledger {
        for stretch in 0..<ledger.count { pieces.append(Piece(subject: index, stretch: stretch)) }
      } else if subject.isRightSize {
        pieces.append(Piece(subject: index, stretch: nil))
      }
    }
    self.pieces = pieces
  }

  /// Pieces to run, in any order and from any thread.
  public var pieceCount: Int { pieces.count }
  /// Bytes of all contents.
  public var byteCount: Int { subjects.reduce(0) { $0 + $1.check.descriptor.byteCount } }

  /// Size of the buffer that bytes pass through: it stays in a core's own cache.
  private static let bufferByteCount = 128 << 10

  /// Checks a piece.
  /// - Parameter progress: told the bytes read.
  public func run(_ number: Int, progress: (Int) -> Void = { _ in }) {
    let piece = pieces[number]
    let subject = subjects[piece.subject]
    do throws(FileProblem) {
      if let stretch = piece.stretch, let ledger = subject.ledger {
        var hash = ledger.hash(at: stretch)
        let isWhole = try read(subject.path, ledger.bytes(of: stretch), progress) { hash.update($0) }
        guard !isWhole || !ledger.agrees(hash, after: stretch, of: subject.check.descriptor.digest) else { return }
        note(piece.subject) { $0.wrong.append(ledger.bytes(of: stretch)) }
      } else {
        let digest = try wholeDigest(subject, progress)
        if digest != subject.check.descriptor.digest { note(piece.subject) { $0.digest = digest } }
      }
    } catch {
      note(piece.subject) { $0.problem = error }
    }
  }

  private func note(_ subject: Int, _ change: (inout Fault) -> Void) {
    faults.withLock { change(&$0[subject, default: Fault()]) }
  }

  /// Hands on the bytes of a range; false when the file ends before it does.
  private func read(
    _ path: String, _ bytes: Range<Int>, _ progress: (Int) -> Void, _ take: (Span<UInt8>) -> Void
  ) throws(FileProblem) -> Bool {
    let file = try OpenFile.reading(path)
    var buffer = [UInt8](repeating: 0, count: Self.bufferByteCount)
    var offset = bytes.lowerBound
    while offset < bytes.upperBound {
      let count = min(try file.read(into: &buffer, at: offset), bytes.upperBound - offset)
      if count == 0 { return false }
      take(buffer.span.extracting(first: count))
      offset += count
      progress(count)
    }
    return true
  }

  /// The digest of a whole content. A right one without a ledger gets its ledger.
  private func wholeDigest(_ subject: Subject, _ progress: (Int) -> Void) throws(FileProblem) -> Digest {
    var hash = LedgerHash()
    _ = try read(subject.path, 0..<(subject.byteCount ?? 0), progress) { hash.update($0) }
    let (digest, ledger) = hash.finish()
    if digest == subject.check.descriptor.digest { store.keep(ledger, of: digest) }
    return digest
  }

  // MARK: The outcome

  /// What is wrong, once all pieces have run.
  public func damage() -> [ModelStore.Damage] {
    let faults = faults.withLock { $0 }
    return subjects.indices.compactMap { damage(of: subjects[$0], faults[$0]) }
  }

  private func damage(of subject: Subject, _ fault: Fault?) -> ModelStore.Damage? {
    let wanted = subject.check.descriptor
    func damage(_ code: String, _ message: String, _ wrong: [Range<Int>]? = nil) -> ModelStore.Damage {
      let finding = Finding(.error, code: code, place: subject.check.place, message: message, ranges: wrong ?? [])
      return ModelStore.Damage(check: subject.check, finding: finding, wrongBytes: wrong)
    }
    guard let byteCount = subject.byteCount else { return damage("blob.missing", "the content is missing") }
    let wrong = subject.ledger == nil ? nil : Self.joined(fault?.wrong ?? [])
    guard byteCount == wanted.byteCount else {
      return damage("blob.size", "\(byteCount) bytes where \(wanted.byteCount) belong", wrong)
    }
    guard let fault else { return nil }
    if let problem = fault.problem { return damage("blob.unreadable", problem.description) }
    guard let digest = fault.digest ?? (try? wholeDigest(subject, { _ in })) else {
      return damage("blob.unreadable", "it cannot be read again")
    }
    // The ledger itself was wrong, and has just been replaced.
    if digest == wanted.digest { return nil }
    return damage(
      "blob.corrupt",
      "the content has changed\(Self.place(wrong)): SHA-256 \(digest.short)…, not \(wanted.digest.short)…", wrong)
  }

  private static func place(_ wrong: [Range<Int>]?) -> String {
    guard let wrong, let first = wrong.first else { return "" }
    let more = wrong.count > 1 ? " and \(wrong.count - 1) more ranges" : ""
    return " in bytes \(first.lowerBound) to \(first.upperBound - 1)\(more)"
  }

  /// Ranges in order, neighbours made one.
  private static func joined(_ ranges: [Range<Int>]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = result.last, last.upperBound == range.lowerBound {
        result[result.count - 1] = last.lowerBound..<range.upperBound
      } else {
        result.append(range)
      }
    }
    return result
  }
}
