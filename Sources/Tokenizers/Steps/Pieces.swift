// SPDX-License-Identifier: Apache-2.0
// A text on its way to the model: bytes and the ranges it has been cut into.

/// The pieces of a text.
struct Pieces: Sendable {
  /// Valid UTF-8.
  var bytes: [UInt8]
  /// In order, none of them empty.
  var ranges: [Range<Int>]
  /// Whether the first byte comes from the very beginning of what was given to the tokenizer.
  var startsAtOrigin: Bool

  /// A text in one piece.
  init(_ bytes: [UInt8], startsAtOrigin: Bool) {
    self.bytes = bytes
    ranges = bytes.isEmpty ? [] : [0..<bytes.count]
    self.startsAtOrigin = startsAtOrigin
  }

  /// Cuts every piece at parts of it, given as ranges that cover it and whether each is a separator.
  mutating func cut(_ behavior: SplitBehavior, at parts: ([UInt8], Range<Int>) -> [Part]) {
    var output: [Range<Int>] = []
    output.reserveCapacity(ranges.count * 2)
    for range in ranges { behavior.join(parts(bytes, range), into: &output) }
    ranges = output
  }

  /// Replaces the bytes of every piece.
  mutating func rewrite(_ body: (Span<UInt8>, Range<Int>, inout [UInt8]) -> Void) {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + bytes.count / 8 + 16)
    // Pieces keep beginning at 0 only if they did before.
    startsAtOrigin = startsAtOrigin && ranges.first?.lowerBound == 0
    for index in ranges.indices {
      let start = output.count
      body(bytes.span, ranges[index], &output)
      ranges[index] = start..<output.count
    }
    bytes = output
  }
}

/// A part of a piece: a match of a pattern, or what is between two.
struct Part {
  var range: Range<Int>
  var isMatch: Bool

  /// All of a range: the matches, in order, and what is between them.
  static func covering(_ range: Range<Int>, matches: [Range<Int>], isInverted: Bool = false) -> [Part] {
    var parts: [Part] = []
    parts.reserveCapacity(matches.count * 2 + 1)
    var position = range.lowerBound
    for match in matches {
      if match.lowerBound > position { parts.append(Part(range: position..<match.lowerBound, isMatch: isInverted)) }
      parts.append(Part(range: match, isMatch: !isInverted))
      position = match.upperBound
    }
    if position < range.upperBound { parts.append(Part(range: position..<range.upperBound, isMatch: isInverted)) }
    return parts
  }

  /// All of a range, every character that fits being a match by itself.
  static func covering(_ text: Span<UInt8>, _ range: Range<Int>, where fits: (UInt32) -> Bool) -> [Part] {
    var parts: [Part] = []
    var position = range.lowerBound
    var index = range.lowerBound
    while index < range.upperBound {
      let (point, length) = text.scalar(at: index)
      if fits(point) {
        if position < index { parts.append(Part(range: position..<index, isMatch: false)) }
        position = index + length
        parts.append(Part(range: index..<position, isMatch: true))
      }
      index += length
    }
    if position < range.upperBound { parts.append(Part(range: position..<range.upperBound, isMatch: false)) }
    return parts
  }
}

/// What becomes of the separators between pieces.
enum SplitBehavior: String, Sendable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"

  /// Appends what is left of the parts of a piece; empty ranges go.
  func join(_ parts: [Part], into output: inout [Range<Int>]) {
    let first = output.count
    var wasMatch = false
    switch self {
    case .isolated: for part in parts where !part.range.isEmpty { output.append(part.range) }
    case .removed: for part in parts where !part.isMatch && !part.range.isEmpty { output.append(part.range) }
    case .contiguous, .mergedWithPrevious:
      for part in parts {
        let joins = self == .contiguous ? part.isMatch == wasMatch : part.isMatch && !wasMatch
        if joins && output.count > first {
          output[output.count - 1] = output[output.count - 1].lowerBound..<part.range.upperBound
        } else {
          output.append(part.range)
        }
        wasMatch = part.isMatch
      }
    case .mergedWithNext:
      for part in parts.reversed() {
        if part.isMatch && !wasMatch && output.count > first {
          output[output.count - 1] = part.range.lowerBound..<output[output.count - 1].upperBound
        } else {
          output.append(part.range)
        }
        wasMatch = part.isMatch
      }
      output[first...].reverse()
    }
    if self != .isolated && self != .removed && output[first...].contains(where: \.isEmpty) {
      output = output[..<first] + output[first...].filter { !$0.isEmpty }
    }
  }
}
