// SPDX-License-Identifier: Apache-2.0
// SentencePiece vocabularies of GGUF files ("llama"): BPE whose merges are found again from the scores,
// as the converters of transformers do.

internal import Basics
internal import Checkpoints

extension GGUFModel {
  /// BPE over characters with "▁" for blanks, and bytes for what the vocabulary does not have.
  func sentencePieceTokenizer(_ vocabulary: GGUFVocabulary) throws(ModelProblem) -> [UInt8] {
    guard vocabulary.scores.count == vocabulary.texts.count else {
      throw .invalidFile(path: file.path, reason: "a SentencePiece vocabulary without scores")
    }
    let addsBlank = file["tokenizer.ggml.add_space_prefix"]?.boolValue ?? true
    let blank: JSONValue = ["type": "Replace", "pattern": ["String": " "], "content": "▁"]
    let prepend: JSONValue = ["type": "Prepend", "prepend": "▁"]
    var decoders: [JSONValue] = [
      ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"], ["type": "Fuse"],
    ]
    if addsBlank { decoders.append(["type": "Strip", "content": " ", "start": 1, "stop": 0]) }
    var model = Self.bpe
    if let unknown = specialToken("unknown") { model["unk_token"] = .string(vocabulary.texts[unknown]) }
    model["fuse_unk"] = true
    model["byte_fallback"] = true
    model["merges"] = .array(merges(vocabulary).map { [.string($0.left), .string($0.right)] })
    return try document(
      vocabulary,
      normalizer: addsBlank ? ["type": "Sequence", "normalizers": [prepend, blank]] : blank,
      preTokenizer: .null, inner: nil, decoder: ["type": "Sequence", "decoders": .array(decoders)], model: model)
  }

  /// Every way to make a token of two others, best score first; of equal scores the earlier token,
  /// then the earlier left and right halves.
  private func merges(_ vocabulary: GGUFVocabulary) -> [(left: String, right: String)] {
    // By bytes: to Swift's strings, tokens that differ only in composition would be one.
    var ids: [[UInt8]: Int] = [:]
    for id in 0..<vocabulary.baseCount where vocabulary.kinds[id] != .unused {
      ids[Array(vocabulary.texts[id].utf8)] = id
    }
    var found: [(score: Float, id: Int, left: Int, right: Int)] = []
    for id in 0..<vocabulary.baseCount where vocabulary.kinds[id] == .normal || vocabulary.kinds[id] == .userDefined {
      let bytes = Array(vocabulary.texts[id].utf8)
      // Nothing longer is a word; a hostile file could make this step quadratic.
      guard bytes.count <= 1024 else { continue }
      for cut in bytes.indices.dropFirst() where bytes[cut] & 0xC0 != 0x80 {
        guard let left = ids[Array(bytes[..<cut])], let right = ids[Array(bytes[cut...])] else { continue }
        found.append((vocabulary.scores[id], id, left, right))
      }
    }
    found.sort { ($1.score, $0.id, $0.left, $0.right) < ($0.score, $1.id, $1.left, $1.right) }
    return found.map { (vocabulary.texts[$0.left], vocabulary.texts[$0.right]) }
  }
}
