// SPDX-License-Identifier: Apache-2.0
// Reads tokenizer.json. The small parts become a tree; the vocabulary and the merges, which are nearly all of the
// file, are read straight from its bytes (ModelReader), because a tree of 300,000 strings takes longer than that.

import Basics

/// A tokenizer.json being read.
struct TokenizerFile {
  let path: String
  /// Everything but the model.
  private(set) var root = JSONObject()

  /// Opens a file.
  static func read(_ path: String) throws(TokenizerProblem) -> TokenizerParts {
    let mapped: MappedFile
    do { mapped = try MappedFile(path) } catch { throw .file(error) }
    return try read(mapped.bytes, path: path)
  }

  /// Reads the file's bytes.
  static func read(_ bytes: Span<UInt8>, path: String) throws(TokenizerProblem) -> TokenizerParts {
    guard bytes.count <= 1 << 28 else { throw .json(path: path, JSONProblem(.tooLong(1 << 28), at: 0)) }
    var file = TokenizerFile(path: path)
    let model = try file.walk(bytes)
    var parts = model.parts(try file.steps())
    parts.added = try file.addedTokens(parts)
    return parts
  }

  private init(path: String) { self.path = path }

  /// Reads all keys; the model last, because its reading depends on the steps around it.
  private mutating func walk(_ bytes: Span<UInt8>) throws(TokenizerProblem) -> ModelReader {
    var place: Int?
    var model: ModelReader?
    do throws(JSONProblem) {
      var cursor = JSONCursor(bytes)
      try cursor.forEachKey { (key, cursor) throws(JSONProblem) in
        guard key == "model" else {
          root[key] = try cursor.value(depth: 64, limits: .lastKeyWins)
          return
        }
        cursor.skipSpace()
        place = cursor.position
        // Usually the model is the last key, and is read where it stands.
        if root["pre_tokenizer"] != nil && model == nil {
          model = try ModelReader(&cursor, self)
        } else {
          try cursor.skipValue()
        }
      }
      cursor.skipSpace()
      guard cursor.isAtEnd else { throw JSONProblem(.trailingData, at: cursor.position) }
      if let place, model == nil {
        cursor.position = place
        model = try ModelReader(&cursor, self)
      }
    } catch {
      throw .json(path: path, error)
    }
    guard let model else { throw malformed("model", "there is none") }
    if let problem = model.check() { throw problem }
    return model
  }

  func malformed(_ place: String, _ why: String) -> TokenizerProblem {
    .malformed(path: path, place: place, why: why)
  }

  func text(_ json: JSONValue?, _ key: String, _ place: String) throws(TokenizerProblem) -> String {
    guard let value = json?[key]?.stringValue else { throw malformed(place, "\"\(key)\" is not a string") }
    return value
  }

  func flag(_ json: JSONValue?, _ key: String, default value: Bool) -> Bool { json?[key]?.boolValue ?? value }

  /// The added tokens with their flags. A token that the model has keeps the model's number and others are
  /// numbered behind the vocabulary: as in the reference, the numbers of the file do not count.
  private func addedTokens(_ parts: TokenizerParts) throws(TokenizerProblem) -> [AddedToken] {
    let items = root["added_tokens"]?.arrayValue ?? []
    guard items.count <= 1 << 20 else { throw malformed("added_tokens", "there are \(items.count)") }
    var next = parts.modelSize
    var numbers: [[UInt8]: TokenID] = [:]
    var tokens: [AddedToken] = []
    for (index, item) in items.enumerated() {
      let content = try text(item, "content", "added_tokens[\(index)]")
      guard let number = item["id"]?.intValue, (0..<Vocabulary.idBound).contains(number) else {
        throw malformed("added_tokens[\(index)]", "no valid number")
      }
      guard !content.isEmpty else { continue }
      let key = Array(content.utf8)
      var id = numbers[key] ?? parts.id(of: key)
      if id == nil {
        id = TokenID(next)
        next += 1
      }
      numbers[key] = id
      let isSpecial = flag(item, "special", default: false)
      tokens.append(
        AddedToken(
          id: id ?? 0, content: content, isSpecial: isSpecial, stripsLeft: flag(item, "lstrip", default: false),
          stripsRight: flag(item, "rstrip", default: false), isSingleWord: flag(item, "single_word", default: false),
          isNormalized: flag(item, "normalized", default: !isSpecial)))
    }
    return tokens
  }
}

extension TokenizerParts {
  /// The number of a token of the model by the text the file writes.
  fileprivate func id(of text: [UInt8]) -> TokenID? {
    guard model.isRaw else { return model.vocabulary.id(text) }
    return ByteAlphabet.decode(text.span).flatMap { model.vocabulary.id($0) }
      ?? unencodable.first { $0.value == text }?.key
  }
}
