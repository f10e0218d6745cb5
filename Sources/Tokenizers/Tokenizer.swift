// SPDX-License-Identifier: Apache-2.0
// Text to tokens and back, as the `tokenizers` library (0.23.3) does it for the same tokenizer.json.

import Synchronization

/// A tokenizer; immutable and safe to use from any thread.
public final class Tokenizer: Sendable {
  let model: TokenModel
  let normalizer: Normalizer?
  let preTokenizer: PreTokenizer?
  let postProcessor: PostProcessor?
  let decoder: Decoder?
  /// Added tokens by number.
  let added: [TokenID: AddedToken]
  /// What added tokens decode from: those found in normalized text appear as they are found.
  let shownAdded: [TokenID: [UInt8]]
  /// Tokens that decoding leaves out when it skips special ones.
  let skipped: Set<TokenID>
  let rawFinder: AddedTokenFinder
  let normalizedFinder: AddedTokenFinder
  /// Tokens of a raw vocabulary that are not written in GPT-2's alphabet, by number.
  let unencodable: [TokenID: [UInt8]]
  private let addedIDs: [[UInt8]: TokenID]
  private let idOfUnencodable: [[UInt8]: TokenID]
  private let workspaces = Mutex<[Workspace]>([])

  /// What tokenizer_config.json says beside tokenizer.json; empty when there is none.
  public let configuration: TokenizerConfiguration

  init(_ parts: TokenizerParts, configuration: TokenizerConfiguration) {
    model = parts.model
    normalizer = parts.normalizer
    preTokenizer = parts.preTokenizer
    postProcessor = parts.postProcessor
    decoder = parts.decoder
    unencodable = parts.unencodable
    self.configuration = configuration
    idOfUnencodable = Dictionary(parts.unencodable.map { ($1, $0) }, uniquingKeysWith: min)
    // A token that is listed twice has the flags given last, but stays special.
    let specials = Set(parts.added.filter(\.isSpecial).map { Array($0.content.utf8) })
    added = Dictionary(
      parts.added.map { token in
        var token = token
        token.isSpecial = specials.contains(Array(token.content.utf8))
        return (token.id, token)
      }, uniquingKeysWith: { _, last in last })
    addedIDs = Dictionary(parts.added.map { (Array($0.content.utf8), $0.id) }, uniquingKeysWith: { _, last in last })
    var shown: [TokenID: [UInt8]] = [:]
    for token in added.values {
      let content = Array(token.content.utf8)
      shown[token.id] = token.isNormalized ? parts.normalizer?.apply(content) ?? content : content
    }
    skipped = Set(shown.filter { specials.contains($0.value) }.keys)
    shownAdded = shown
    let ordered = added.values.sorted { $0.id < $1.id }
    rawFinder = AddedTokenFinder(ordered.filter { !$0.isNormalized }.map { (Array($0.content.utf8), $0) })
    normalizedFinder = AddedTokenFinder(ordered.filter(\.isNormalized).map { (shown[$0.id] ?? [], $0) })
  }

  // MARK: Tokens

  /// One more than the largest token number.
  public var vocabularySize: Int {
    max(model.vocabulary.idLimit, Int((added.keys.max() ?? -1) + 1), Int((unencodable.keys.max() ?? -1) + 1))
  }

  /// The number of a token by its exact text, as the vocabulary writes it.
  public func id(of token: String) -> TokenID? {
    let text = Array(token.utf8)
    if let id = addedIDs[text] { return id }
    guard model.isRaw else { return model.vocabulary.id(text) }
    return ByteAlphabet.decode(text.span).flatMap { model.vocabulary.id($0) } ?? idOfUnencodable[text]
  }

  /// The text of a token as the vocabulary writes it (GPT-2's alphabet or `▁` for blanks, where it uses them).
  public func token(of id: TokenID) -> String? {
    if let token = added[id] { return token.content }
    return modelText(id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The bytes a token stands for in the middle of a text; nil when there is no such token.
  /// Special tokens stand for their names.
  public func bytes(of id: TokenID) -> [UInt8]? {
    if model.isRaw, added[id] == nil, case .byteLevel? = decoder, let raw = model.vocabulary.bytes(id) {
      return Array(raw)
    }
    guard let text = shownAdded[id] ?? modelText(id) else { return nil }
    return decoder?.middle(text) ?? text
  }

  /// Whether a token is a control token.
  public func isSpecial(_ id: TokenID) -> Bool { added[id]?.isSpecial ?? false }

  /// The control tokens with their numbers, by number.
  public var specialTokens: [(text: String, id: TokenID)] {
    added.values.filter(\.isSpecial).sorted { $0.id < $1.id }.map { ($0.content, $0.id) }
  }

  /// The texts of all added tokens, by number, and whether each is marked as special.
  public var addedTokenTexts: [(text: String, isSpecial: Bool)] {
    added.values.sorted { $0.id < $1.id }.map { ($0.content, $0.isSpecial) }
  }

  /// The text of a token of the model.
  func modelText(_ id: TokenID) -> [UInt8]? {
    if let text = unencodable[id] { return text }
    guard let bytes = model.vocabulary.bytes(id) else { return nil }
    return model.isRaw ? ByteAlphabet.encode(bytes) : Array(bytes)
  }

  /// Lends what encoding needs; as many workspaces stay as there were texts at once, up to four.
  func withWorkspace<Result>(_ body: (Workspace) -> Result) -> Result {
    let space = workspaces.withLock { $0.popLast() } ?? Workspace()
    defer { workspaces.withLock { if $0.count < 4 { $0.append(space) } } }
    return body(space)
  }
}

/// What a tokenizer is made of.
struct TokenizerParts {
  var model: TokenModel
  var normalizer: Normalizer?
  var preTokenizer: PreTokenizer?
  var postProcessor: PostProcessor?
  var decoder: Decoder?
  var added: [AddedToken] = []
  var unencodable: [TokenID: [UInt8]] = [:]
  /// Number of tokens of the model; others are numbered from there.
  var modelSize = 0
}
