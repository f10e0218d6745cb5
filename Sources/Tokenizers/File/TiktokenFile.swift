// SPDX-License-Identifier: Apache-2.0
// Vocabularies without merges, as tiktoken uses them: the rank of a token is the rank of any merge that makes it.
// A .tiktoken file is lines of base64 and rank; Mistral's tekken.json holds the same with its pattern.

import Basics

/// A vocabulary of byte strings in the order of their ranks.
struct RankedVocabulary {
  private(set) var tokens: [(bytes: [UInt8], id: Int)] = []

  mutating func add(_ bytes: [UInt8], id: Int) { tokens.append((bytes, id)) }

  /// The parts of a tokenizer that cuts by a pattern and merges by rank; nil when a number is out of bounds.
  func parts(pattern: String) -> TokenizerParts? {
    var vocabulary = Vocabulary(capacity: tokens.count)
    for token in tokens where !vocabulary.append(token.bytes[...], id: token.id) { return nil }
    vocabulary.index()
    var merges = MergeTable(capacity: tokens.count * 2)
    for (rank, token) in tokens.enumerated() where token.bytes.count > 1 && token.bytes.count <= 256 {
      let text = token.bytes.span
      for cut in 1..<text.count {
        let left = vocabulary.find(text, 0, cut)
        guard left >= 0 else { continue }
        let right = vocabulary.find(text, cut, text.count - cut)
        if right >= 0 { merges.set(left, right, rank: rank, result: TokenID(token.id)) }
      }
    }
    var model = BPE(vocabulary: vocabulary, merges: merges)
    model.ignoresMerges = true
    model.rawSymbols = (0..<256).map { vocabulary.id([UInt8($0)]) ?? -1 }
    let cutter: PreTokenizer
    if let scanner = WordScanner(pattern) {
      cutter = .words(scanner)
    } else if let compiled = Pattern(regex: pattern) {
      cutter = .split(compiled, .isolated, isInverted: false)
    } else {
      return nil
    }
    var parts = TokenizerParts(model: .bpe(model))
    parts.preTokenizer = cutter
    parts.decoder = .byteLevel
    parts.modelSize = tokens.count
    return parts
  }
}

/// Reads a .tiktoken file. It names no pattern and no control tokens: those are Qwen's unless tokenizer_config.json
/// lists others.
enum TiktokenFile {
  private static let pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + (0..<205).map { "<|extra_\($0)|>" }

  static func read(_ path: String, _ configuration: TokenizerConfiguration) throws(TokenizerProblem) -> TokenizerParts {
    let bytes: [UInt8]
    do { bytes = try Files.read(path, limit: 1 << 26) } catch { throw .file(error) }
    var ranked = RankedVocabulary()
    for (number, line) in bytes.split(separator: 10).enumerated() {
      let fields = line.split(separator: 32)
      guard fields.count == 2, let token = Base64.decode(fields[0]), !token.isEmpty,
        let rank = Int(String(decoding: fields[1], as: UTF8.self))
      else { throw .malformed(path: path, place: "line \(number + 1)", why: "not a token and its rank") }
      ranked.add(token, id: rank)
    }
    guard !ranked.tokens.isEmpty, var parts = ranked.parts(pattern: pattern) else {
      throw .malformed(path: path, place: "the vocabulary", why: "empty, or a rank is out of bounds")
    }
    let first = (ranked.tokens.map(\.id).max() ?? 0) + 1
    parts.added =
      configuration.addedTokens.isEmpty
      ? names.enumerated().map { AddedToken(id: TokenID(first + $0), content: $1, isSpecial: true) }
      : configuration.addedTokens.map { AddedToken(id: $0.id, content: $0.text, isSpecial: $0.isSpecial) }
    return parts
  }
}

/// Reads Mistral's tekken.json: control tokens first, then the vocabulary.
enum TekkenFile {
  private static let names = [
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
  ]

  static func read(_ path: String) throws(TokenizerProblem) -> TokenizerParts {
    let json: JSONValue
    do {
      json = try JSONReader.parse(try Files.read(path, limit: 1 << 28), limits: .lastKeyWins)
    } catch let problem as JSONProblem {
      throw .json(path: path, problem)
    } catch let problem as FileProblem {
      throw .file(problem)
    } catch {
      throw .malformed(path: path, place: "the file", why: "\(error)")
    }
    func fault(_ place: String, _ why: String) -> TokenizerProblem { .malformed(path: path, place: place, why: why) }
    let settings = json["config"]
    guard let pattern = settings?["pattern"]?.stringValue else { throw fault("config.pattern", "not a string") }
    let controls = settings?["default_num_special_tokens"]?.intValue ?? 1000
    let size = settings?["default_vocab_size"]?.intValue ?? 1 << 17
    guard (0..<1 << 16).contains(controls), (controls...Vocabulary.idBound).contains(size) else {
      throw fault("config", "sizes are out of bounds")
    }
    var ranked = RankedVocabulary()
    for (rank, item) in (json["vocab"]?.arrayValue ?? []).prefix(size - controls).enumerated() {
      guard let text = item["token_bytes"]?.stringValue, let bytes = Base64.decode(text.utf8), !bytes.isEmpty,
        item["rank"]?.intValue ?? rank == rank
      else { throw fault("vocab[\(rank)]", "not a token in order") }
      ranked.add(bytes, id: rank + controls)
    }
    guard !ranked.tokens.isEmpty, var parts = ranked.parts(pattern: pattern) else {
      throw fault("the file", "no vocabulary, or a pattern that is not a regular expression")
    }
    parts.added = added(json["special_tokens"]?.arrayValue, controls)
    parts.postProcessor = .template(
      single: [.tokens([1], type: 0), .sequence(isSecond: false, type: 0)],
      pair: [.tokens([1], type: 0), .sequence(isSecond: false, type: 0), .sequence(isSecond: true, type: 1)])
    return parts
  }

  /// The listed control tokens, or those of the first versions, and fillers up to their number.
  private static func added(_ listed: [JSONValue]?, _ count: Int) -> [AddedToken] {
    var texts = (0..<count).map { "<SPECIAL_\($0)>" }
    if let listed {
      for (index, item) in listed.enumerated() {
        let rank = item["rank"]?.intValue ?? index
        if texts.indices.contains(rank), let text = item["token_str"]?.stringValue, !text.isEmpty { texts[rank] = text }
      }
    } else {
      for (rank, name) in names.enumerated() where rank < count { texts[rank] = name }
    }
    return texts.enumerated().map { AddedToken(id: TokenID($0), content: $1, isSpecial: true) }
  }
}
