// SPDX-License-Identifier: Apache-2.0
// The vocabulary of a GGUF file: texts, kinds, scores, and the tokens with a role.

internal import Basics
internal import Checkpoints

/// Tokens of a GGUF file.
struct GGUFVocabulary {
  /// What a token is, by `tokenizer.ggml.token_type`.
  enum Kind: Int { case normal = 1, unknown, control, userDefined, unused, byte }

  let texts: [String]
  let kinds: [Kind]
  /// Of SentencePiece vocabularies; empty otherwise.
  let scores: [Float]
  /// Pairs in order of rank; of byte-level vocabularies.
  let merges: [String]
  /// `tokenizer.ggml.model`.
  let model: String
  /// `tokenizer.ggml.pre`; empty in old files.
  let pre: String

  init(_ file: GGUFFile) throws(ModelProblem) {
    func list<Element>(_ key: String, _ read: (GGUFArray) -> [Element]?) throws(ModelProblem) -> [Element]? {
      guard let value = file["tokenizer.ggml.\(key)"] else { return nil }
      guard let array = value.arrayValue, array.count <= Limits.vocabulary, let elements = read(array) else {
        throw .invalidFile(path: file.path, reason: "tokenizer.ggml.\(key) is no list of the right kind")
      }
      return elements
    }
    func fault(_ reason: String) -> ModelProblem { .invalidFile(path: file.path, reason: reason) }
    guard let texts = try list("tokens", { $0.strings }), !texts.isEmpty else {
      throw fault("it has no vocabulary (tokenizer.ggml.tokens)")
    }
    self.texts = texts
    let numbers = try list("token_type") { $0.integers } ?? Array(repeating: Kind.normal.rawValue, count: texts.count)
    // Zero is "undefined", which old files have for normal tokens.
    let kinds = numbers.map { $0 == 0 ? Kind.normal : Kind(rawValue: $0) }
    guard kinds.count == texts.count, !kinds.contains(nil) else {
      throw fault("tokenizer.ggml.token_type does not go with the \(texts.count) tokens")
    }
    self.kinds = kinds.compactMap { $0 }
    scores = try list("scores") { $0.floats } ?? []
    guard scores.isEmpty || scores.count == texts.count, scores.allSatisfy(\.isFinite) else {
      throw fault("\(scores.count) scores, or some that are no numbers, for \(texts.count) tokens")
    }
    merges = try list("merges") { $0.strings } ?? []
    model = file["tokenizer.ggml.model"]?.stringValue ?? ""
    pre = file["tokenizer.ggml.pre"]?.stringValue ?? ""
  }

  /// A token beside the model's own vocabulary, as tokenizer.json lists them.
  struct Added {
    var id: Int
    var text: String
    var isSpecial: Bool
  }

  /// Control and user-defined tokens; those that only fill up the embedding are left out.
  var added: [Added] {
    texts.indices.compactMap { id in
      switch kinds[id] {
      case .control, .unknown: Added(id: id, text: texts[id], isSpecial: true)
      case .userDefined: Added(id: id, text: texts[id], isSpecial: false)
      case .normal, .unused, .byte: nil
      }
    }
  }

  /// Tokens of the model proper: all up to the last that is neither added nor unused.
  var baseCount: Int {
    (kinds.lastIndex { $0 == .normal || $0 == .byte } ?? -1) + 1
  }

  /// The model's vocabulary as the text of a JSON object from token to id.
  ///
  /// Written and compared by bytes: to Swift's strings, and so to `JSONObject`, two tokens that differ
  /// only in Unicode composition would be one.
  /// - Parameter unknown: a token to list even when only added tokens follow it.
  func json(unknown: Int?, path: String) throws(ModelProblem) -> [UInt8] {
    var ids = (0..<baseCount).filter { kinds[$0] != .unused }
    if let unknown, unknown >= baseCount { ids.append(unknown) }
    var seen = Set<[UInt8]>(minimumCapacity: ids.count)
    var text: [UInt8] = [UInt8(ascii: "{")]
    for id in ids {
      guard seen.insert(Array(texts[id].utf8)).inserted else {
        throw .invalidFile(path: path, reason: "the token \"\(printable(texts[id]))\" appears twice")
      }
      if text.count > 1 { text.append(UInt8(ascii: ",")) }
      text += JSONWriter.bytes(.string(texts[id]))
      text += Array(":\(id)".utf8)
    }
    return text + [UInt8(ascii: "}")]
  }
}

extension GGUFModel {
  /// The id of a token with a role, such as `eos`; nil when there is none or it lies outside.
  func specialToken(_ role: String) -> Int? {
    guard let id = file["tokenizer.ggml.\(role)_token_id"]?.intValue,
      let count = file["tokenizer.ggml.tokens"]?.arrayValue?.count, id >= 0, id < count
    else { return nil }
    return id
  }

  /// Texts of control tokens that end an answer whatever the file says, as in llama.cpp.
  private static let endTexts: Set<String> = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>",
    "<|end_of_text|>", "<｜end▁of▁sentence｜>",
  ]

  /// Tokens that end an answer: `eos` first, then the ends of turn and message, then known texts.
  var endTokens: [Int] {
    var ends: [Int] = ["eos", "eot", "eom"].compactMap { specialToken($0) }
    if let vocabulary = try? GGUFVocabulary(file) {
      ends += vocabulary.added.filter { $0.isSpecial && Self.endTexts.contains($0.text) }.map(\.id)
    }
    var seen: Set<Int> = []
    return ends.filter { seen.insert($0).inserted }
  }
}
