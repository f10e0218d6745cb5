// SPDX-License-Identifier: Apache-2.0
// The work of one step: for each sequence the tokens that come next, and where logits are wanted.

/// A sequence held by a `Forward`: its tokens' keys and values. Valid until it is released.
public struct SequenceID: Sendable, Hashable {
  /// Index into the tables of the `Forward`.
  let slot: Int32
  /// Counts the uses of the slot, so that an old handle is recognised.
  let generation: UInt32
}

/// Which positions of an entry need logits.
public enum WantedLogits: Sendable { case none, last, all }

/// Tokens of several sequences to be computed together; kept and refilled between steps.
///
/// Prompts (many tokens) and running sequences (one token) mix freely. A sequence may appear once.
public struct StepBatch {
  /// One sequence's part.
  struct Entry {
    var sequence: SequenceID
    /// Range in `tokens`.
    var start: Int
    var count: Int
    var wanted: WantedLogits
    /// First row of its logits after the step.
    var firstRow: Int

    /// Rows of logits it asks for.
    var rows: Int {
      switch wanted {
      case .none: 0
      case .last: min(count, 1)
      case .all: count
      }
    }
  }

  /// Token identifiers of all entries, one after the other.
  private(set) var tokens: [Int32] = []
  var entries: [Entry] = []
  /// Rows of logits the entries ask for together.
  private(set) var wantedRows = 0
  /// Set by the step: [wantedRows, vocabulary], owned by the `Forward`.
  var logits: UnsafeMutablePointer<Float>?
  var vocabulary = 0

  /// Makes an empty batch with room for `tokens` tokens.
  public init(tokenCapacity: Int = 512, entryCapacity: Int = 64) {
    tokens.reserveCapacity(tokenCapacity)
    entries.reserveCapacity(entryCapacity)
  }

  /// Tokens of all entries together.
  public var tokenCount: Int { tokens.count }
  /// Number of entries.
  public var count: Int { entries.count }
  public var isEmpty: Bool { entries.isEmpty }

  /// Empties the batch; the memory stays.
  public mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    wantedRows = 0
    logits = nil
  }

  /// Adds the next token of a running sequence; its logits are wanted.
  /// - Returns: the entry's index.
  @discardableResult
  public mutating func add(_ sequence: SequenceID, token: Int32) -> Int {
    tokens.append(token)
    return append(sequence, count: 1, wanted: .last)
  }

  /// Adds the next tokens of a sequence.
  /// - Returns: the entry's index.
  @discardableResult
  public mutating func add(
    _ sequence: SequenceID, tokens next: some Collection<Int32>, wanted: WantedLogits
  ) -> Int {
    tokens.append(contentsOf: next)
    return append(sequence, count: next.count, wanted: wanted)
  }

  private mutating func append(_ sequence: SequenceID, count: Int, wanted: WantedLogits) -> Int {
    let entry = Entry(
      sequence: sequence, start: tokens.count - count, count: count, wanted: wanted, firstRow: wantedRows)
    entries.append(entry)
    wantedRows += entry.rows
    return entries.count - 1
  }

  /// The logits of an entry after the step: `vocabulary` values for each position wanted.
  ///
  /// The memory belongs to the `Forward` and may be changed in place; it is overwritten by the next step.
  public func logits(ofEntry index: Int) -> UnsafeMutableBufferPointer<Float> {
    let entry = entries[index]
    precondition(logits != nil || entry.rows == 0, "logits are read before the step")
    return UnsafeMutableBufferPointer(
      start: logits.map { $0 + entry.firstRow * vocabulary }, count: entry.rows * vocabulary)
  }
}
