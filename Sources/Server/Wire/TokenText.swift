// SPDX-License-Identifier: Apache-2.0
// The text and the bytes of single tokens, for log probabilities: a token may be part of a character.

internal import Tokenizers

/// Spells tokens one by one.
struct TokenText: Sendable {
  private let tokenizer: Tokenizer

  init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// What a token reads as; parts of characters as `bytes:\xe2\x82`, as the API writes them.
  func text(_ token: TokenID) -> String {
    let bytes = bytes(token)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return "bytes:" + bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The bytes a token stands for in the middle of a text; none for numbers a padded vocabulary leaves empty.
  func bytes(_ token: TokenID) -> [UInt8] { tokenizer.bytes(of: token) ?? [] }
}
