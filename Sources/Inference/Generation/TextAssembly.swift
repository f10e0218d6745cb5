// SPDX-License-Identifier: Apache-2.0
// From tokens to text that may be shown: whole characters only, and nothing that may yet turn out to be
// the beginning of a stop string.

internal import Tokenizers

/// The text side of one answer.
struct TextAssembly {
  private var decoder: StreamDecoder
  private var stops: StopStrings
  /// Tokens whose text has not been let go.
  private var held: [GeneratedToken] = []

  init(_ tokenizer: Tokenizer, stopStrings: [String], skipsSpecialTokens: Bool) {
    decoder = tokenizer.makeStreamDecoder(skipSpecial: skipsSpecialTokens)
    stops = StopStrings(stopStrings)
  }

  /// Takes a token.
  /// - Returns: what may be shown now, and the stop string that ended the answer, if one did.
  mutating func push(_ token: Int32, score: ScoredToken?) -> (piece: GeneratedPiece?, stop: String?) {
    held.append(GeneratedToken(token: token, textOffset: stops.receivedBytes, score: score))
    let outcome = stops.push(decoder.append(token) ?? "")
    if outcome.stop != nil { held.removeAll { $0.textOffset >= stops.releasedBytes } }
    return (release(outcome.text, all: outcome.stop != nil), outcome.stop)
  }

  /// Takes a token that ends the answer and has no text.
  mutating func end(_ token: Int32) { held.append(GeneratedToken(token: token, textOffset: stops.receivedBytes)) }

  /// What was held back, when the answer ends without a stop string.
  mutating func finish() -> GeneratedPiece? {
    let outcome = stops.push(decoder.finish() ?? "")
    return release(outcome.text + stops.finish(), all: true)
  }

  private mutating func release(_ text: String, all: Bool) -> GeneratedPiece? {
    let isCertain = all || stops.releasedBytes == stops.receivedBytes
    let count = isCertain ? held.count : held.firstIndex { $0.textOffset >= stops.releasedBytes } ?? held.count
    guard count > 0 || !text.isEmpty else { return nil }
    let piece = GeneratedPiece(text: text, tokens: Array(held[..<count]))
    held.removeFirst(count)
    return piece
  }
}
