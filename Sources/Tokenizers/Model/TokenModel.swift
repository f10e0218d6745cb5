// SPDX-License-Identifier: Apache-2.0
// The model of a tokenizer: what makes tokens of a word.

/// The kinds of models.
enum TokenModel: Sendable {
  case bpe(BPE)
  case unigram(Unigram)
  case wordPiece(WordPiece)
  case wordLevel(WordLevel)
  case sentencePiece(SentencePiece)

  var vocabulary: Vocabulary {
    switch self {
    case .bpe(let model): model.vocabulary
    case .unigram(let model): model.vocabulary
    case .wordPiece(let model): model.vocabulary
    case .wordLevel(let model): model.vocabulary
    case .sentencePiece(let model): model.vocabulary
    }
  }

  /// Whether tokens are kept in raw bytes instead of GPT-2's alphabet.
  var isRaw: Bool { if case .bpe(let model) = self { model.rawSymbols != nil } else { false } }

  /// Appends the tokens of the words of a text.
  func encode(_ text: Span<UInt8>, _ words: [Range<Int>], _ space: Workspace, into output: inout [TokenID]) {
    switch self {
    case .bpe(let model):
      for word in words where !word.isEmpty {
        space.cache.tokens(text, word, into: &output) { model.encode(text, word, &space.merging, into: &$0) }
      }
    case .unigram(let model):
      for word in words where !word.isEmpty {
        space.cache.tokens(text, word, into: &output) { model.encode(text, word, into: &$0) }
      }
    case .wordPiece(let model):
      for word in words where !word.isEmpty {
        space.cache.tokens(text, word, into: &output) { model.encode(text, word, into: &$0) }
      }
    case .wordLevel(let model):
      for word in words where !word.isEmpty { model.encode(text, word, into: &output) }
    case .sentencePiece(let model):
      for word in words where !word.isEmpty { model.encode(text, word, into: &output) }
    }
  }
}

/// What encoding a text needs besides the model. Sendable because a tokenizer lends each to one text at a time.
final class Workspace: @unchecked Sendable {
  var cache = WordCache()
  var merging = MergeSpace()
}
