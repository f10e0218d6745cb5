// SPDX-License-Identifier: Apache-2.0
// A tokenizer.model with what tokenizer_config.json adds to it.

import Basics

/// Reads a tokenizer.model of SentencePiece.
enum SentencePieceFile {
  static func read(_ path: String, _ configuration: TokenizerConfiguration) throws(TokenizerProblem) -> TokenizerParts {
    let bytes: [UInt8]
    do { bytes = try Files.read(path, limit: 1 << 28) } catch { throw .file(error) }
    let model = try SentencePiece(bytes, path: path)
    var parts = TokenizerParts(model: .sentencePiece(model))
    parts.added = added(model, configuration)
    parts.postProcessor = postProcessor(model, configuration)
    // As the library decodes: blanks, bytes, and the blank that encoding has put in front.
    var steps: [Decoder] = [.replace(Pattern(literal: "▁"), with: [0x20]), .byteFallback, .fuse]
    if model.addsBlank { steps.append(.strip(content: 0x20, start: 1, stop: 0)) }
    parts.decoder = .sequence(steps)
    parts.modelSize = model.vocabulary.count
    return parts
  }

  /// The model's control tokens, and those of tokenizer_config.json, which win.
  private static func added(_ model: SentencePiece, _ configuration: TokenizerConfiguration) -> [AddedToken] {
    let listed = Set(configuration.addedTokens.map(\.id))
    let controls = model.controls.filter { !listed.contains($0) }.compactMap { id -> AddedToken? in
      guard let bytes = model.vocabulary.bytes(id), !bytes.isEmpty else { return nil }
      return AddedToken(id: id, content: String(decoding: bytes, as: UTF8.self), isSpecial: true)
    }
    return controls
      + configuration.addedTokens.filter { !$0.text.isEmpty }.map {
        AddedToken(
          id: $0.id, content: $0.text, isSpecial: $0.isSpecial, stripsLeft: $0.stripsLeft, stripsRight: $0.stripsRight,
          isSingleWord: $0.isSingleWord, isNormalized: $0.isNormalized)
      }
  }

  /// Llama's habit where nothing is said: a beginning token, no end.
  private static func postProcessor(_ model: SentencePiece, _ configuration: TokenizerConfiguration) -> PostProcessor? {
    let beginning = configuration.addsBeginning ?? true ? model.beginning : nil
    let end = configuration.addsEnd ?? false ? model.end : nil
    guard beginning != nil || end != nil else { return nil }
    func tokens(_ id: TokenID?, type: Int32) -> [PostProcessor.Item] { id.map { [.tokens([$0], type: type)] } ?? [] }
    let first: [PostProcessor.Item] =
      tokens(beginning, type: 0) + [.sequence(isSecond: false, type: 0)] + tokens(end, type: 0)
    let second: [PostProcessor.Item] =
      tokens(beginning, type: 1) + [.sequence(isSecond: true, type: 1)] + tokens(end, type: 1)
    return .template(single: first, pair: first + second)
  }
}
