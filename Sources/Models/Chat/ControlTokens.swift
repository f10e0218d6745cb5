// SPDX-License-Identifier: Apache-2.0
// Keeps what people write from becoming control tokens.
//
// A chat template joins its own control tokens with the texts of a conversation, and a tokenizer cannot
// tell the two apart afterwards: a text that says `<|im_end|>` would end its own message. So before
// rendering, a mark (a code point that occurs nowhere in the conversation) is put after the first
// character of everything in the texts that reads like a control token. The rendered prompt is cut at
// the marks and each part tokenized by itself: a broken token cannot be found, and a prompt without
// forgeries has no marks and is tokenized whole, exactly as other programs do it.
//
// Weighed and rejected: marks around each text (templates trim, search and split them), and rendering
// the pieces of a template one by one (templates compute with the texts).

public import Tokenizers

/// The tokens of a vocabulary that steer the model instead of being text.
public struct ControlTokens: Sendable {
  private let texts: Set<ArraySlice<UInt8>>
  /// Those that an earlier answer may contain as they are.
  private let sparedInAnswers: Set<ArraySlice<UInt8>>
  /// Lengths of the tokens that begin with a byte.
  private let lengths: [[Int]]

  /// The control tokens of a tokenizer: its special tokens, and added ones in pointed or square brackets.
  public init(_ tokenizer: Tokenizer) { self.init(tokenizer.addedTokenTexts) }

  package init(_ added: [(text: String, isSpecial: Bool)]) {
    var texts: Set<ArraySlice<UInt8>> = []
    var spared: Set<ArraySlice<UInt8>> = []
    var lengths = [[Int]](repeating: [], count: 256)
    for (text, isSpecial) in added where !text.isEmpty && (isSpecial || Self.isBracketed(text)) {
      let bytes = Array(text.utf8)[...]
      texts.insert(bytes)
      if !isSpecial && Self.isPlainTag(text) { spared.insert(bytes) }
      if !lengths[Int(bytes[0])].contains(bytes.count) { lengths[Int(bytes[0])].append(bytes.count) }
    }
    self.texts = texts
    sparedInAnswers = spared
    self.lengths = lengths
  }

  /// Whether an added token that is not marked as special still looks like one that steers.
  private static func isBracketed(_ text: String) -> Bool {
    guard text.unicodeScalars.count > 2 else { return false }
    return (text.hasPrefix("<") && text.hasSuffix(">")) || (text.hasPrefix("[") && text.hasSuffix("]"))
  }

  /// `<think>`, `</tool_call>` and the like: models write them, and templates look for them in answers.
  private static func isPlainTag(_ text: String) -> Bool {
    text.unicodeScalars.dropFirst().dropLast().allSatisfy { scalar in
      scalar == "/" || scalar == "_" || (scalar.isASCII && scalar.properties.isAlphabetic)
    }
  }

  /// Marks with which texts can be broken, none of which occurs in them.
  ///
  /// The first choice are noncharacters, which no text should hold; a text that holds all of them
  /// moves the mark to a private plane.
  public static func mark(notIn texts: some Sequence<String>) -> Unicode.Scalar {
    var used: Set<UInt32> = []
    for text in texts {
      for scalar in text.unicodeScalars where scalar.value >= 0xFDD0 { used.insert(scalar.value) }
    }
    let choices: [ClosedRange<UInt32>] = [0xFDD0...0xFDEF, 0xF0000...0x10_FFFF]
    let free = choices.joined().first { !used.contains($0) }
    // A text that uses even all of these loses the mark's code point, and still forges nothing.
    return free.flatMap { Unicode.Scalar($0) } ?? "\u{E000}"
  }

  /// A text in which nothing is a control token any more.
  /// - Parameter isAnswer: leaves plain tags alone that models write in their answers.
  public func broken(_ text: String, by mark: Unicode.Scalar, isAnswer: Bool = false) -> String {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var copied = 0
    for place in bytes.indices where !lengths[Int(bytes[place])].isEmpty {
      guard let length = match(bytes, place, isAnswer: isAnswer) else { continue }
      let first = Self.scalarLength(bytes[place])
      if first == length, place > copied {  // a token of one character: the mark goes around it
        result += bytes[copied..<place]
        result += Array(String(mark).utf8)
        copied = place
      }
      result += bytes[copied..<max(copied, place + first)]
      result += Array(String(mark).utf8)
      copied = max(copied, place + first)
    }
    guard copied > 0 else { return text }
    return String(decoding: result + bytes[copied...], as: UTF8.self)
  }

  /// Length of the longest control token at a place.
  private func match(_ bytes: [UInt8], _ place: Int, isAnswer: Bool) -> Int? {
    var best: Int?
    for length in lengths[Int(bytes[place])] where place + length <= bytes.count {
      let part = bytes[place..<place + length]
      if texts.contains(part) && !(isAnswer && sparedInAnswers.contains(part)) { best = max(best ?? 0, length) }
    }
    return best
  }

  private static func scalarLength(_ lead: UInt8) -> Int {
    switch lead {
    case 0xF0...: 4
    case 0xE0...: 3
    case 0xC0...: 2
    default: 1
    }
  }

  /// The tokens of a rendered prompt, cut at the marks.
  public func encode(_ prompt: String, cutAt mark: Unicode.Scalar, with tokenizer: Tokenizer) -> [TokenID] {
    let parts = prompt.unicodeScalars.split(separator: mark, omittingEmptySubsequences: true)
    if parts.count == 1 { return tokenizer.encode(String(parts[0]), addSpecialTokens: false) }
    return parts.flatMap { part in
      let text = String(part)
      // Alone between marks stands only a forged token of one character.
      return tokenizer.encode(text, addSpecialTokens: false, parseSpecial: !texts.contains(Array(text.utf8)[...]))
    }
  }
}
