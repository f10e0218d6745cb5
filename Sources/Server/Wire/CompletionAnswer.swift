// SPDX-License-Identifier: Apache-2.0
// The objects of an answer to plain texts: `text_completion`, whole and in pieces.

internal import Basics
internal import Inference
internal import Tokenizers

/// Writes one answer of a completion; there is one writer for each.
struct CompletionChoice {
  private let index: Int
  private let tokenText: TokenText
  private let scoreCount: Int?
  /// The text so far and the place up to which its characters are counted.
  private var bytes: [UInt8] = []
  private var counted = (bytes: 0, characters: 0)
  /// Characters of an echoed prompt.
  private var echoed = 0

  init(_ index: Int, tokenText: TokenText, scoreCount: Int?) {
    self.index = index
    self.tokenText = tokenText
    self.scoreCount = scoreCount
  }

  /// The choice for an echoed prompt.
  /// - Parameter scores: of its tokens, when they were asked for.
  mutating func echo(_ prompt: EchoedPrompt, scores: [ScoredToken?]?) -> JSONValue {
    echoed = prompt.text.unicodeScalars.count
    guard let scores else { return choice(prompt.text, .null, .null) }
    return choice(
      prompt.text, logprobs(Array(zip(prompt.tokens, zip(prompt.offsets, scores)).map { ($0, $1.0, $1.1) })), .null)
  }

  /// The choice for a piece; nil when there is nothing to say.
  mutating func piece(_ piece: GeneratedPiece) -> JSONValue? {
    bytes += Array(piece.text.utf8)
    guard !piece.text.isEmpty || (scoreCount != nil && !piece.tokens.isEmpty) else { return nil }
    return choice(piece.text, logprobs(piece.tokens), .null)
  }

  /// The choice that ends the answer.
  func closing(_ reason: String) -> JSONValue { choice("", .null, .string(reason)) }

  /// The choice of a whole answer.
  mutating func whole(_ answer: CollectedAnswer, echo prompt: EchoedPrompt?) -> JSONValue {
    bytes = Array(answer.text.utf8)
    let reason = answer.reason.wireName.map { JSONValue.string($0) } ?? .null
    guard let prompt else { return choice(answer.text, logprobs(answer.tokens), reason) }
    echoed = prompt.text.unicodeScalars.count
    var entries: [(Int32, Int, ScoredToken?)] = []
    for (place, token) in prompt.tokens.enumerated() {
      let score = (answer.promptScores?.count ?? 0) > place ? answer.promptScores?[place] : nil
      entries.append((token, prompt.offsets[place], score))
    }
    for token in answer.tokens { entries.append((token.token, offset(token.textOffset), token.score)) }
    return choice(prompt.text + answer.text, scoreCount == nil ? .null : logprobs(entries), reason)
  }

  private func choice(_ text: String, _ logprobs: JSONValue, _ reason: JSONValue) -> JSONValue {
    ["text": .string(text), "index": JSONValue(index), "logprobs": logprobs, "finish_reason": reason]
  }

  private mutating func logprobs(_ tokens: [GeneratedToken]) -> JSONValue {
    guard scoreCount != nil else { return .null }
    return logprobs(tokens.map { ($0.token, offset($0.textOffset), $0.score) })
  }

  private func logprobs(_ entries: [(token: Int32, offset: Int, score: ScoredToken?)]) -> JSONValue {
    [
      "tokens": .array(entries.map { .string(tokenText.text($0.token)) }),
      "token_logprobs": .array(entries.map { $0.score.map { .logProbability($0.chosen.logProbability) } ?? .null }),
      "top_logprobs": scoreCount == 0 ? .null : .array(entries.map { alternatives($0.score) }),
      "text_offset": .array(entries.map { JSONValue($0.offset) }),
    ]
  }

  /// The likeliest tokens and the chosen one, by their texts; of equal texts the likelier counts.
  private func alternatives(_ score: ScoredToken?) -> JSONValue {
    guard let score else { return .null }
    var object = JSONObject()
    for entry in score.alternatives + [score.chosen] {
      let text = tokenText.text(entry.token)
      if object[text] == nil { object[text] = .logProbability(entry.logProbability) }
    }
    return .object(object)
  }

  /// Characters before a byte of the answer, the echoed prompt's among them.
  private mutating func offset(_ byte: Int) -> Int {
    while counted.bytes < min(byte, bytes.count) {
      if bytes[counted.bytes] & 0xC0 != 0x80 { counted.characters += 1 }
      counted.bytes += 1
    }
    return echoed + counted.characters
  }
}

/// A prompt that is given back before its continuation.
struct EchoedPrompt: Sendable {
  var text: String
  var tokens: [Int32]
  /// Where each token's text begins, in characters.
  var offsets: [Int]

  /// - Parameter text: the prompt as it was given; nil decodes the tokens.
  init(_ tokens: [Int32], text: String?, tokenizer: Tokenizer) {
    self.tokens = tokens
    var decoder = tokenizer.makeStreamDecoder(skipSpecial: false)
    var decoded = ""
    var offsets: [Int] = []
    for token in tokens {
      offsets.append(decoded.unicodeScalars.count)
      decoded += decoder.append(token) ?? ""
    }
    decoded += decoder.finish() ?? ""
    self.offsets = offsets
    self.text = text ?? decoded
  }
}
