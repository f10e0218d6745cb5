// SPDX-License-Identifier: Apache-2.0
// The tokens behind the cached keys. With longrope all keys of a sequence are rotated by the frequencies of its total
// length; when that crosses the original context, the keys, and all that follows from them, are computed anew.

/// Tokens of every open sequence, and which frequencies its keys were made with.
struct TokenHistory: ~Copyable {
  private let memory: AnonymousMemory
  private let contextLength: Int
  private var usesLong: [Bool]

  /// - Parameter sequences: 0 keeps nothing.
  init(sequences: Int, contextLength: Int) throws(InferenceProblem) {
    self.contextLength = contextLength
    memory = try AnonymousMemory(byteCount: sequences * contextLength * 4, hugePages: false)
    usesLong = Array(repeating: false, count: sequences)
  }

  private func tokens(_ slot: Int32) -> UnsafeMutablePointer<Int32> {
    memory.base.assumingMemoryBound(to: Int32.self) + Int(slot) * contextLength
  }

  /// The first `count` tokens of a sequence.
  func prefix(_ slot: Int32, _ count: Int) -> [Int32] {
    Array(UnsafeBufferPointer(start: tokens(slot), count: count))
  }

  func record(_ slot: Int32, at position: Int, _ added: ArraySlice<Int32>) {
    let place = tokens(slot) + position
    for (index, token) in added.enumerated() { place[index] = token }
  }

  /// Notes which frequencies a sequence uses from now on.
  /// - Returns: whether they are others than before.
  mutating func changes(_ slot: Int32, toLong long: Bool) -> Bool {
    defer { usesLong[Int(slot)] = long }
    return usesLong[Int(slot)] != long
  }
}

extension Forward {
  /// Computes the cached part of those sequences anew whose frequencies change with this step, and records the tokens.
  mutating func renew(_ batch: StepBatch) {
    guard let limit = rotations.switchLength else { return }
    for entry in batch.entries {
      let slot = entry.sequence.slot
      let length = pages.slots[Int(slot)].length
      let total = max(pages.slots[Int(slot)].expectedLength, length + entry.count)
      history.record(slot, at: length, batch.tokens[entry.start..<entry.start + entry.count])
      if history.changes(slot, toLong: total > limit), length > 0 { replay(entry.sequence, total: total) }
    }
  }

  private mutating func replay(_ sequence: SequenceID, total: Int) {
    let slot = Int(sequence.slot)
    let tokens = history.prefix(sequence.slot, pages.slots[slot].length)
    pages.slots[slot].expectedLength = total
    pages.slots[slot].length = 0
    var batch = StepBatch(tokenCapacity: stepTokens, entryCapacity: 1)
    for first in stride(from: 0, to: tokens.count, by: stepTokens) {
      batch.removeAll()
      batch.add(sequence, tokens: tokens[first..<min(first + stepTokens, tokens.count)], wanted: .none)
      _ = compute(batch)
    }
  }
}
