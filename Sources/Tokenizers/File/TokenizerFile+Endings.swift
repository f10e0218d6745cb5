// SPDX-License-Identifier: Apache-2.0
// Reads the steps after the model, and the values that several steps have.

import Basics

extension TokenizerFile {
  static let nestingLimit = 16

  func postProcessor(_ json: JSONValue?, depth: Int = 0) throws(TokenizerProblem) -> PostProcessor? {
    guard let json, !json.isNull else { return nil }
    let kind = try text(json, "type", "post_processor")
    switch kind {
    case "Sequence":
      var steps: [PostProcessor] = []
      for item in try list(json, "processors", "post_processor", depth) {
        if let step = try postProcessor(item, depth: depth + 1) { steps.append(step) }
      }
      return .sequence(steps)
    case "ByteLevel": return PostProcessor.none
    case "TemplateProcessing":
      return .template(single: try template(json, "single"), pair: try template(json, "pair"))
    case "BertProcessing":
      return .bert(separator: try pairedID(json, "sep"), classifier: try pairedID(json, "cls"))
    case "RobertaProcessing":
      return .roberta(separator: try pairedID(json, "sep"), classifier: try pairedID(json, "cls"))
    default: throw .unsupported(component: "post-processor", kind: kind)
    }
  }

  /// The number in `["token", number]`.
  private func pairedID(_ json: JSONValue, _ key: String) throws(TokenizerProblem) -> TokenID {
    guard let pair = json[key]?.arrayValue, pair.count == 2, let id = pair[1].intValue,
      (0..<Vocabulary.idBound).contains(id)
    else { throw malformed("post_processor.\(key)", "not a token and its number") }
    return TokenID(id)
  }

  private func template(_ json: JSONValue, _ key: String) throws(TokenizerProblem) -> [PostProcessor.Item] {
    var items: [PostProcessor.Item] = []
    for item in json[key]?.arrayValue ?? [] {
      if let sequence = item["Sequence"] {
        let type = Int32(clamping: sequence["type_id"]?.intValue ?? 0)
        items.append(.sequence(isSecond: sequence["id"]?.stringValue == "B", type: type))
      } else if let special = item["SpecialToken"] {
        let name = try text(special, "id", "post_processor")
        let ids = (json["special_tokens"]?[name]?["ids"]?.arrayValue ?? []).compactMap(\.intValue)
        guard !ids.isEmpty, ids.allSatisfy({ (0..<Vocabulary.idBound).contains($0) }) else {
          throw malformed("post_processor.special_tokens", "no valid number for \"\(name.prefix(32))\"")
        }
        items.append(.tokens(ids.map { TokenID($0) }, type: Int32(clamping: special["type_id"]?.intValue ?? 0)))
      } else {
        throw malformed("post_processor.\(key)", "an item is neither a sequence nor a token")
      }
    }
    return items
  }

  func decoder(_ json: JSONValue?, depth: Int = 0) throws(TokenizerProblem) -> Decoder? {
    guard let json, !json.isNull else { return nil }
    let kind = try text(json, "type", "decoder")
    switch kind {
    case "Sequence":
      var steps: [Decoder] = []
      for item in try list(json, "decoders", "decoder", depth) {
        if let step = try decoder(item, depth: depth + 1) { steps.append(step) }
      }
      return .sequence(steps)
    case "ByteLevel": return .byteLevel
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "BPEDecoder": return .wordSuffix(Pattern(literal: json["suffix"]?.stringValue ?? "</w>"))
    case "WordPiece":
      return .wordPiece(
        prefix: Array((json["prefix"]?.stringValue ?? "##").utf8), cleansUp: flag(json, "cleanup", default: true))
    case "CTC":
      return .ctc(
        padding: Pattern(literal: json["pad_token"]?.stringValue ?? "<pad>"),
        delimiter: Pattern(literal: json["word_delimiter_token"]?.stringValue ?? "|"),
        cleansUp: flag(json, "cleanup", default: true))
    case "Strip":
      func count(_ key: String) -> Int { min(max(json[key]?.intValue ?? 0, 0), 1 << 16) }
      return .strip(
        content: try character(json, "content", "decoder").value, start: count("start"), stop: count("stop"))
    case "Replace":
      return .replace(try pattern(json, "decoder"), with: Array(try text(json, "content", "decoder").utf8))
    case "Metaspace":
      return .metaspace(replacement: try replacement(json, "decoder").value, dropsFirst: scheme(json) != .never)
    default: throw .unsupported(component: "decoder", kind: kind)
    }
  }

  // MARK: Values

  /// `prepend_scheme`, or the older `add_prefix_space`.
  func scheme(_ json: JSONValue) -> PreTokenizer.PrependScheme {
    if let name = json["prepend_scheme"]?.stringValue, let scheme = PreTokenizer.PrependScheme(rawValue: name) {
      return scheme
    }
    return flag(json, "add_prefix_space", default: true) ? .always : .never
  }

  func replacement(_ json: JSONValue, _ place: String) throws(TokenizerProblem) -> Unicode.Scalar {
    json["replacement"] == nil ? "▁" : try character(json, "replacement", place)
  }

  func character(_ json: JSONValue, _ key: String, _ place: String) throws(TokenizerProblem) -> Unicode.Scalar {
    let scalars = try text(json, key, place).unicodeScalars
    guard scalars.count == 1, let scalar = scalars.first else {
      throw malformed("\(place).\(key)", "not one character")
    }
    return scalar
  }

  func list(
    _ json: JSONValue, _ key: String, _ place: String, _ depth: Int
  ) throws(TokenizerProblem) -> [JSONValue] {
    guard depth < Self.nestingLimit else { throw malformed(place, "nested deeper than \(Self.nestingLimit)") }
    guard let items = json[key]?.arrayValue else { throw malformed(place, "\"\(key)\" is not an array") }
    return items
  }

  func pattern(_ json: JSONValue, _ place: String) throws(TokenizerProblem) -> Pattern {
    if let literal = json["pattern"]?["String"]?.stringValue { return Pattern(literal: literal) }
    guard let regex = json["pattern"]?["Regex"]?.stringValue else { throw malformed(place, "no pattern") }
    guard let pattern = Pattern(regex: regex) else {
      throw malformed(place, "not a regular expression that can be used: \(regex.prefix(80))")
    }
    return pattern
  }
}
