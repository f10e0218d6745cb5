// SPDX-License-Identifier: Apache-2.0
// Contents against their names, in pieces that any number of threads may take: two stretches of 8 MiB where a content's
// ledger is here, else the whole content. A ledger needs no trust: all stretches right prove the digest (HashLedger). Two
// stretches side by side take little longer than one (SHA256).

internal import Basics
internal import Synchronization

/// The check of contents.
public final class Inspection: Sendable {
  private struct Piece {
    let subject: Int
    /// One or two; nil for the whole content.
    let stretches: Range<Int>?
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
        for first in stride(from: 0, to: ledger.count, by: 2) {
          pieces.append(Piece(subject: index, stretches: first..<min(first + 2, ledger.count)))
        }
      } else if subject.isRightSize {
        pieces.append(Piece(subject: index, stretches: nil))
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
      if let stretches = piece.stretches, let ledger = subject.ledger {
        for stretch in try wrong(stretches, of: subject, ledger, progress) {
          note(piece.subject) { $0.wrong.append(ledger.bytes(of: stretch)) }
        }
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

  /// A stretch that is being read.
  private struct Lane {
    let stretch: Int
    var hash: SHA256
    var rest: Range<Int>

    /// Bytes that were read last.
    var count = 0

    init(_ stretch: Int, of ledger: HashLedger) {
      self.stretch = stretch
      hash = ledger.hash(at: stretch)
      rest = ledger.bytes(of: stretch)
    }

    /// Fills a buffer as far as the stretch and the file go.
    mutating func fill(_ buffer: inout [UInt8], from file: borrowing OpenFile) throws(FileProblem) {
      count = rest.isEmpty ? 0 : min(try file.read(into: &buffer, at: rest.lowerBound), rest.count)
      rest = rest.dropFirst(count)
    }
  }

  /// Those of one or two stretches that are not what the ledger says.
  private func wrong(
    _ stretches: Range<Int>, of subject: Subject, _ ledger: HashLedger, _ progress: (Int) -> Void
  ) throws(FileProblem) -> [Int] {
    let file = try OpenFile.reading(subject.path)
    var (one, other) = (Lane(stretches.lowerBound, of: ledger), Lane(stretches.upperBound - 1, of: ledger))
    if stretches.count == 1 { other.rest = other.rest.dropFirst(other.rest.count) }
    var first = [UInt8](repeating: 0, count: Self.bufferByteCount)
    var second = first
    repeat {
      try one.fill(&first, from: file)
      try other.fill(&second, from: file)
      SHA256.update(
        &one.hash, first.span.extracting(first: one.count), &other.hash, second.span.extracting(first: other.count))
      progress(one.count + other.count)
    } while one.count + other.count > 0
    let digest = subject.check.descriptor.digest
    return [one, other].prefix(stretches.count).filter { lane in
      !lane.rest.isEmpty || !ledger.agrees(lane.hash, after: lane.stretch, of: digest)
    }.map(\.stretch)
  }

  /// The digest of a whole content. A right one without a ledger gets its ledger.
  private func wholeDigest(_ subject: Subject, _ progress: (Int) -> Void) throws(FileProblem) -> Digest {
    let file = try OpenFile.reading(subject.path)
    var hash = LedgerHash()
    try file.forEachPiece(ofByteCount: Self.bufferByteCount) {
      hash.update($0)
      progress($0.count)
    }
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
