// SPDX-License-Identifier: Apache-2.0
// The tokens that end an answer, from all places that name them.

public import Tokenizers

extension Snapshot {
  /// End tokens of generation_config.json or config.json, and the tokenizer's `eos_token`: for some
  /// models only the latter is the one that ends a chat's turn.
  public func endTokens(_ tokenizer: Tokenizer) throws -> Set<TokenID> {
    var tokens = Set(generation.endTokens.compactMap { TokenID(exactly: $0) })
    let file = try ChatTemplateFile(folder: folder)
    if let text = file.specialToken("eos_token"), let token = tokenizer.id(of: text) { tokens.insert(token) }
    return tokens
  }
}
