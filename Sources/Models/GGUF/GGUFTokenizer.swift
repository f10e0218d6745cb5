// SPDX-License-Identifier: Apache-2.0
// tokenizer.json and tokenizer_config.json of a GGUF file, behaving as the files of the original.

public import Basics
internal import Checkpoints

extension GGUFModel {
  /// The text of tokenizer.json.
  /// - Throws: `ModelProblem.unsupportedFeature` for a kind of vocabulary that is not known here.
  public func tokenizer() throws(ModelProblem) -> [UInt8] {
    let vocabulary = try GGUFVocabulary(file)
    switch vocabulary.model {
    case "gpt2": return try byteLevelTokenizer(vocabulary)
    case "llama": return try sentencePieceTokenizer(vocabulary)
    default: throw .unsupportedFeature(name: "a GGUF vocabulary of kind \"\(vocabulary.model.prefix(64))\"")
    }
  }

  /// The content of tokenizer_config.json.
  public func tokenizerConfig() throws(ModelProblem) -> JSONObject {
    let vocabulary = try GGUFVocabulary(file)
    var config: JSONObject = [
      "add_bos_token": .bool(addsBegin(vocabulary)), "add_eos_token": .bool(addsEnd),
      "clean_up_tokenization_spaces": false,
      "model_max_length": JSONValue(try int("context_length", in: 1...Limits.context)),
      "tokenizer_class": "PreTrainedTokenizerFast",
    ]
    for (key, role) in [("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding")]
    {
      if let id = specialToken(role) { config[key] = .string(vocabulary.texts[id]) }
    }
    if let template = file["tokenizer.chat_template"]?.stringValue { config["chat_template"] = .string(template) }
    return config
  }

  /// Whether texts begin with the token `bos`.
  func addsBegin(_ vocabulary: GGUFVocabulary) -> Bool {
    if let flag = file["tokenizer.ggml.add_bos_token"]?.boolValue { return flag && specialToken("bos") != nil }
    let isUsual =
      vocabulary.model == "llama"
      || GGUFPreTokenizer.named(vocabulary.pre, modelType: family.modelType)?.addsBegin ?? false
    return isUsual && specialToken("bos") != nil
  }

  private var addsEnd: Bool {
    file["tokenizer.ggml.add_eos_token"]?.boolValue ?? false && specialToken("eos") != nil
  }

  /// Byte-level BPE: the vocabulary and its merges as they are, with the steps `pre` stands for.
  private func byteLevelTokenizer(_ vocabulary: GGUFVocabulary) throws(ModelProblem) -> [UInt8] {
    guard let steps = GGUFPreTokenizer.named(vocabulary.pre, modelType: family.modelType) else {
      throw .unsupportedFeature(
        name: "the GGUF pre-tokenizer \"\(vocabulary.pre.prefix(64))\"; known are "
          + GGUFPreTokenizer.names.joined(separator: ", "))
    }
    let byteLevel = GGUFPreTokenizer.byteLevel(usesExpression: false)
    var model = Self.bpe
    model["ignore_merges"] = .bool(steps.ignoresMerges)
    model["merges"] = .array(vocabulary.merges.map { .string($0) })
    return try document(
      vocabulary, normalizer: steps.normalizer, preTokenizer: steps.preTokenizer, inner: byteLevel,
      decoder: byteLevel, model: model)
  }

  /// The model's settings that no GGUF vocabulary changes.
  static let bpe: JSONObject = [
    "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
    "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
  ]

  /// The whole of tokenizer.json.
  /// - Parameter inner: the post-processor before the one that adds `bos` and `eos`.
  func document(
    _ vocabulary: GGUFVocabulary, normalizer: JSONValue, preTokenizer: JSONValue, inner: JSONValue?,
    decoder: JSONValue, model: JSONObject
  ) throws(ModelProblem) -> [UInt8] {
    let added: [JSONValue] = vocabulary.added.map { token in
      [
        "id": JSONValue(token.id), "content": .string(token.text), "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": .bool(token.isSpecial),
      ]
    }
    let document: JSONObject = [
      "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
      "normalizer": normalizer, "pre_tokenizer": preTokenizer,
      "post_processor": postProcessor(vocabulary, inner: inner), "decoder": decoder, "model": .object(model),
    ]
    // The vocabulary goes in as bytes, before the brackets that close the model and the document.
    let unknown = model["unk_token"]?.isNull == false ? specialToken("unknown") : nil
    let words = try vocabulary.json(unknown: unknown, path: file.path)
    var text = JSONWriter.bytes(.object(document))
    text.removeLast(2)
    return text + Array(",\"vocab\":".utf8) + words + Array("}}".utf8)
  }

  /// What is put around a text: nothing, or `bos` before and `eos` after it.
  private func postProcessor(_ vocabulary: GGUFVocabulary, inner: JSONValue?) -> JSONValue {
    let begin = addsBegin(vocabulary) ? specialToken("bos") : nil
    let end = addsEnd ? specialToken("eos") : nil
    guard begin != nil || end != nil else { return inner ?? .null }
    func piece(_ id: Int?, _ type: Int) -> [JSONValue] {
      id.map { [["SpecialToken": ["id": .string(vocabulary.texts[$0]), "type_id": JSONValue(type)]]] } ?? []
    }
    func text(_ name: String, _ type: Int) -> [JSONValue] {
      piece(begin, type) + [["Sequence": ["id": .string(name), "type_id": JSONValue(type)]]] + piece(end, type)
    }
    var tokens = JSONObject()
    for id in [begin, end].compactMap({ $0 }) {
      let name = JSONValue.string(vocabulary.texts[id])
      tokens[vocabulary.texts[id]] = ["id": name, "ids": [JSONValue(id)], "tokens": [name]]
    }
    let template: JSONValue = [
      "type": "TemplateProcessing", "single": .array(text("A", 0)), "pair": .array(text("A", 0) + text("B", 1)),
      "special_tokens": .object(tokens),
    ]
    return inner.map { ["type": "Sequence", "processors": [$0, template]] } ?? template
  }
}
