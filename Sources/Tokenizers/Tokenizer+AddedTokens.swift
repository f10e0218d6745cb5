// SPDX-License-Identifier: Apache-2.0
// What a caller may know of the tokens that are found in a text before anything else.

extension Tokenizer {
  /// The texts of all added tokens, by number, and whether each is marked as special.
  public var addedTokenTexts: [(text: String, isSpecial: Bool)] {
    added.values.sorted { $0.id < $1.id }.map { ($0.content, $0.isSpecial) }
  }
}
