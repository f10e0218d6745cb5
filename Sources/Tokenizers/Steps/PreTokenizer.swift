// SPDX-License-Identifier: Apache-2.0
// How text is cut into words before the model sees it: the `pre_tokenizer` of tokenizer.json.

import Basics

/// A piece of the text on its way to the model.
struct Piece: Sendable {
  var bytes: [UInt8]
  /// Whether it begins where the whole text begins.
  var isFirst: Bool
}

/// What becomes of the separators a pattern finds.
enum SplitBehavior: String, Sendable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"
}

/// One step that cuts pieces.
indirect enum PreTokenizer: Sendable {
  enum PrependScheme: String, Sendable { case always, first, never }

  case sequence([PreTokenizer])
  case byteLevel(addsPrefixSpace: Bool, pattern: Pattern?)
  case split(Pattern, SplitBehavior, isInverted: Bool)
  case metaspace(replacement: String, PrependScheme, splits: Bool)

  /// The words of GPT-2.
  static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// The pieces after this step.
  func apply(_ pieces: [Piece]) -> [Piece] {
    switch self {
    case .sequence(let steps): return steps.reduce(pieces) { $1.apply($0) }
    case .byteLevel(let addsPrefixSpace, let pattern):
      return pieces.flatMap { piece -> [Piece] in
        var piece = piece
        if addsPrefixSpace && piece.bytes.first != UInt8(ascii: " ") { piece.bytes.insert(UInt8(ascii: " "), at: 0) }
        let words = pattern.map { Self.cut(piece, by: $0, .isolated, isInverted: false) } ?? [piece]
        return words.map { Piece(bytes: ByteAlphabet.encode($0.bytes), isFirst: $0.isFirst) }
      }
    case .split(let pattern, let behavior, let isInverted):
      return pieces.flatMap { Self.cut($0, by: pattern, behavior, isInverted: isInverted) }
    case .metaspace(let replacement, let scheme, let splits):
      return pieces.flatMap { Self.metaspace($0, replacement, scheme, splits) }
    }
  }

  private static func metaspace(
    _ piece: Piece, _ replacement: String, _ scheme: PrependScheme, _ splits: Bool
  ) -> [Piece] {
    let mark = Array(replacement.utf8)
    var piece = piece
    var output: [UInt8] = []
    for byte in piece.bytes {
      if byte == UInt8(ascii: " ") { output += mark } else { output.append(byte) }
    }
    if !output.starts(with: mark) && (scheme == .always || (scheme == .first && piece.isFirst)) {
      output = mark + output
    }
    piece.bytes = output
    return splits ? cut(piece, by: Pattern(literal: replacement), .mergedWithNext, isInverted: false) : [piece]
  }

  /// Cuts a piece at the matches of a pattern.
  static func cut(_ piece: Piece, by pattern: Pattern, _ behavior: SplitBehavior, isInverted: Bool) -> [Piece] {
    var parts: [(range: Range<Int>, isMatch: Bool)] = []
    var position = 0
    for match in pattern.matches(in: piece.bytes) {
      if match.lowerBound > position { parts.append((position..<match.lowerBound, isInverted)) }
      parts.append((match, !isInverted))
      position = match.upperBound
    }
    if position < piece.bytes.count { parts.append((position..<piece.bytes.count, isInverted)) }
    return join(parts, behavior).map {
      Piece(bytes: Array(piece.bytes[$0]), isFirst: piece.isFirst && $0.lowerBound == 0)
    }
  }

  private static func join(_ parts: [(range: Range<Int>, isMatch: Bool)], _ behavior: SplitBehavior) -> [Range<Int>] {
    var output: [Range<Int>] = []
    var previousWasMatch = false
    switch behavior {
    case .isolated: return parts.map(\.range)
    case .removed: return parts.filter { !$0.isMatch }.map(\.range)
    case .contiguous:
      for (index, part) in parts.enumerated() {
        if index > 0 && part.isMatch == previousWasMatch, let last = output.popLast() {
          output.append(last.lowerBound..<part.range.upperBound)
        } else {
          output.append(part.range)
        }
        previousWasMatch = part.isMatch
      }
    case .mergedWithPrevious:
      for part in parts {
        if part.isMatch && !previousWasMatch, let last = output.popLast() {
          output.append(last.lowerBound..<part.range.upperBound)
        } else {
          output.append(part.range)
        }
        previousWasMatch = part.isMatch
      }
    case .mergedWithNext:
      for part in parts.reversed() {
        if part.isMatch && !previousWasMatch, let last = output.popLast() {
          output.append(part.range.lowerBound..<last.upperBound)
        } else {
          output.append(part.range)
        }
        previousWasMatch = part.isMatch
      }
      output.reverse()
    }
    return output
  }
}
