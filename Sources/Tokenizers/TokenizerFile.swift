// SPDX-License-Identifier: Apache-2.0
// Reads tokenizer.json: the model and its vocabulary; the steps around it are in TokenizerFile+Steps.swift.

import Basics

extension Tokenizer {
  /// Opens the tokenizer of a model folder.
  public convenience init(folder: String) throws(TokenizerProblem) {
    let path = "\(folder)/tokenizer.json"
    guard Files.isFile(path) else { throw .missing(folder: folder) }
    try self.init(file: path)
  }

  /// Opens a tokenizer.json.
  public convenience init(file path: String) throws(TokenizerProblem) {
    let json: JSONValue
    do {
      let mapped = try MappedFile(path)
      json = try JSONReader.parse(mapped.bytes, limits: JSONLimits(byteCount: 1 << 28))
    } catch let problem as FileProblem {
      throw .file(problem)
    } catch let problem as JSONProblem {
      throw .json(path: path, problem)
    } catch {
      throw .malformed(path: path, place: "the file", why: "\(error)")
    }
    let file = TokenizerFile(path: path, root: json)
    let model = try file.model()
    self.init(
      model: model, normalizer: try file.normalizer(json["normalizer"]),
      preTokenizer: try file.preTokenizer(json["pre_tokenizer"]),
      postProcessor: try file.postProcessor(json["post_processor"]), decoder: try file.decoder(json["decoder"]),
      added: try file.addedTokens())
  }
}

/// A tokenizer.json being read.
struct TokenizerFile {
  let path: String
  let root: JSONValue

  func malformed(_ place: String, _ why: String) -> TokenizerProblem {
    .malformed(path: path, place: place, why: why)
  }

  func text(_ json: JSONValue?, _ key: String, _ place: String) throws(TokenizerProblem) -> String {
    guard let value = json?[key]?.stringValue else { throw malformed(place, "\"\(key)\" is not a string") }
    return value
  }

  func flag(_ json: JSONValue?, _ key: String, default value: Bool) -> Bool { json?[key]?.boolValue ?? value }

  /// The model; BPE is the only kind so far.
  func model() throws(TokenizerProblem) -> BPE {
    guard let json = root["model"], let entries = json["vocab"] else { throw malformed("model", "no vocabulary") }
    let kind = json["type"]?.stringValue ?? "BPE"
    guard kind == "BPE" else { throw .unsupported(component: "model", kind: kind) }
    guard let words = entries.objectValue else { throw malformed("model.vocab", "not an object") }
    var vocabulary = Vocabulary(capacity: words.count)
    for (token, id) in words {
      guard let number = id.intValue, vocabulary.add(token.utf8, id: number) else {
        throw malformed("model.vocab", "the token \"\(token.prefix(32))\" has no valid number")
      }
    }
    var model = BPE(vocabulary: vocabulary)
    model.fusesUnknown = flag(json, "fuse_unk", default: false)
    model.ignoresMerges = flag(json, "ignore_merges", default: false)
    model.continuingPrefix = Array((json["continuing_subword_prefix"]?.stringValue ?? "").utf8)
    model.endSuffix = Array((json["end_of_word_suffix"]?.stringValue ?? "").utf8)
    if let unknown = json["unk_token"]?.stringValue {
      guard let id = vocabulary.id(Array(unknown.utf8)) else {
        throw malformed("model.unk_token", "\"\(unknown.prefix(32))\" is not in the vocabulary")
      }
      model.unknown = id
    }
    if flag(json, "byte_fallback", default: false) { model.byteTokens = byteTokens(vocabulary) }
    model.merges = try merges(json["merges"], vocabulary, prefix: model.continuingPrefix.count)
    return model
  }

  /// The tokens `<0x00>` to `<0xFF>`; nil unless all are there.
  private func byteTokens(_ vocabulary: Vocabulary) -> [TokenID]? {
    let digits = Array("0123456789ABCDEF".utf8)
    let found = (0..<256).compactMap { byte in
      vocabulary.id(Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15], UInt8(ascii: ">")])
    }
    return found.count == 256 ? found : nil
  }

  private func merges(
    _ json: JSONValue?, _ vocabulary: Vocabulary, prefix: Int
  ) throws(TokenizerProblem) -> [UInt64: BPE.Merge] {
    guard let list = json?.arrayValue else { throw malformed("model.merges", "not an array") }
    var merges = [UInt64: BPE.Merge](minimumCapacity: list.count)
    for (rank, item) in list.enumerated() {
      guard let (left, right) = sides(item) else { throw malformed("model.merges[\(rank)]", "not two tokens") }
      guard let leftID = vocabulary.id(left), let rightID = vocabulary.id(right),
        let result = vocabulary.id(left + right.dropFirst(prefix))
      else { throw malformed("model.merges[\(rank)]", "a token of it is not in the vocabulary") }
      merges[BPE.pair(leftID, rightID)] = BPE.Merge(rank: Int32(rank), result: result)
    }
    return merges
  }

  /// The two tokens of `"a b"` or `["a", "b"]`.
  private func sides(_ item: JSONValue) -> ([UInt8], [UInt8])? {
    if let text = item.stringValue {
      let bytes = Array(text.utf8)
      let parts = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      return parts.count == 2 ? (Array(parts[0]), Array(parts[1])) : nil
    }
    guard let pair = item.arrayValue, pair.count == 2, let left = pair[0].stringValue, let right = pair[1].stringValue
    else { return nil }
    return (Array(left.utf8), Array(right.utf8))
  }

  /// The added tokens with their flags.
  func addedTokens() throws(TokenizerProblem) -> [AddedToken] {
    var tokens: [AddedToken] = []
    for (index, item) in (root["added_tokens"]?.arrayValue ?? []).enumerated() {
      let place = "added_tokens[\(index)]"
      let content = try text(item, "content", place)
      guard let number = item["id"]?.intValue, (0..<(1 << 24)).contains(number) else {
        throw malformed(place, "no valid number")
      }
      let isSpecial = flag(item, "special", default: false)
      tokens.append(
        AddedToken(
          id: TokenID(number), content: content, isSpecial: isSpecial, stripsLeft: flag(item, "lstrip", default: false),
          stripsRight: flag(item, "rstrip", default: false), isSingleWord: flag(item, "single_word", default: false),
          isNormalized: flag(item, "normalized", default: !isSpecial)))
    }
    return tokens
  }
}
