// SPDX-License-Identifier: Apache-2.0
// Strings that end an answer. Text that may be the beginning of one is held back, however the tokens
// cut it, and let go as soon as it cannot be one any more, or when the answer ends otherwise.

/// Looks for stop strings in a text that arrives in pieces.
package struct StopStrings {
  /// What a piece leads to.
  package struct Outcome: Equatable {
    /// Text that is certain now.
    package var text = ""
    /// The stop string that was met; nothing after it is kept.
    package var stop: String?
  }

  private let stops: [[UInt8]]
  private var held: [UInt8] = []
  /// Bytes given so far, and bytes let go of them.
  private(set) var receivedBytes = 0
  private(set) var releasedBytes = 0

  /// - Parameter stops: strings; empty ones never match.
  package init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty } }

  /// Takes more text.
  package mutating func push(_ text: String) -> Outcome {
    receivedBytes += text.utf8.count
    guard !stops.isEmpty else {
      releasedBytes = receivedBytes
      return Outcome(text: text)
    }
    held.append(contentsOf: text.utf8)
    if let match = firstMatch() {
      let kept = release(match.place)
      held.removeAll()
      return Outcome(text: kept, stop: String(decoding: match.stop, as: UTF8.self))
    }
    return Outcome(text: release(held.count - longestBeginning()))
  }

  /// Lets go of what was held, when the answer ends by something else.
  package mutating func finish() -> String { release(held.count) }

  private mutating func release(_ count: Int) -> String {
    // A stop string begins with a whole character, so the cut never splits one.
    let text = String(decoding: held[..<count], as: UTF8.self)
    held.removeFirst(count)
    releasedBytes += count
    return text
  }

  /// The stop string that begins first; of two at one place, the shorter.
  private func firstMatch() -> (place: Int, stop: [UInt8])? {
    for place in held.indices {
      let found = stops.filter { held[place...].starts(with: $0) }.min { $0.count < $1.count }
      if let found { return (place, found) }
    }
    return nil
  }

  /// Length of the longest end of the held text that begins a stop string.
  private func longestBeginning() -> Int {
    let longest = min(held.count, (stops.map(\.count).max() ?? 0) - 1)
    guard longest > 0 else { return 0 }
    for length in stride(from: longest, to: 0, by: -1) {
      let end = held[(held.count - length)...]
      if stops.contains(where: { $0.count > length && $0.starts(with: end) }) { return length }
    }
    return 0
  }
}
