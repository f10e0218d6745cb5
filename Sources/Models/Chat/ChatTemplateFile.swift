// SPDX-License-Identifier: Apache-2.0
// Where a model folder keeps its chat template and the names of its special tokens.

internal import Basics
internal import Templates

/// The files a chat template and its variables come from.
struct ChatTemplateFile {
  /// The template for conversations, as source.
  let source: String?
  /// `bos_token`, `eos_token` and the like with their texts, as templates want them.
  let specialTokens: [Value.Entry]

  private static let limit = 16 << 20

  /// Reads `chat_template.jinja`, `chat_template.json` and `tokenizer_config.json`, whichever is there.
  init(folder: String) throws {
    let config = try Self.readJSON("\(folder)/tokenizer_config.json")
    let map = try Self.readJSON("\(folder)/special_tokens_map.json")
    source = try Self.source(folder, config)
    specialTokens = Self.specialTokens(config, map)
  }

  /// The text of a special token; nil when the model has none of the name.
  func specialToken(_ name: String) -> String? {
    guard case .string(let text) = specialTokens.first(where: { $0.key == name })?.value else { return nil }
    return text
  }

  private static func source(_ folder: String, _ config: JSONValue?) throws -> String? {
    let plain = "\(folder)/chat_template.jinja"
    if Files.isFile(plain) { return String(decoding: try Files.read(plain, limit: limit), as: UTF8.self) }
    let own = try readJSON("\(folder)/chat_template.json")?["chat_template"]
    guard let value = own ?? config?["chat_template"] else { return nil }
    if let text = value.stringValue { return text }
    // A list of named templates; other names serve tools and retrieval.
    let named = value.arrayValue ?? []
    return (named.first { $0["name"]?.stringValue == "default" } ?? named.first)?["template"]?.stringValue
  }

  private static func specialTokens(_ config: JSONValue?, _ map: JSONValue?) -> [Value.Entry] {
    var entries: [Value.Entry] = []
    for name in ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] {
      let value = [config?[name], map?[name]].lazy.compactMap { $0 }.first { !$0.isNull }
      if let text = value?.stringValue ?? value?["content"]?.stringValue {
        entries.append(Value.Entry(name, .string(text)))
      }
    }
    return entries
  }

  private static func readJSON(_ path: String) throws -> JSONValue? {
    guard Files.isFile(path) else { return nil }
    return try JSONReader.parse(try Files.read(path, limit: limit), limits: .lastKeyWins)
  }
}
