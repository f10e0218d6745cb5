// SPDX-License-Identifier: Apache-2.0
// Reads the steps around the model. An unknown kind is refused by name: a step passed over would give other tokens.

import Basics

extension TokenizerFile {
  private static let nestingLimit = 16

  func normalizer(_ json: JSONValue?, depth: Int = 0) throws(TokenizerProblem) -> Normalizer? {
    guard let json, !json.isNull else { return nil }
    let kind = try text(json, "type", "normalizer")
    if let form = Normalization(rawValue: kind) { return .form(form) }
    switch kind {
    case "Sequence":
      var steps: [Normalizer] = []
      for item in try list(json, "normalizers", "normalizer", depth) {
        if let step = try normalizer(item, depth: depth + 1) { steps.append(step) }
      }
      return .sequence(steps)
    case "Lowercase": return .lowercase
    case "StripAccents": return .stripAccents
    case "Strip":
      return .strip(left: flag(json, "strip_left", default: true), right: flag(json, "strip_right", default: true))
    case "Prepend": return .prepend(try text(json, "prepend", "normalizer"))
    case "Append": return .append(try text(json, "append", "normalizer"))
    case "Replace": return .replace(try pattern(json, "normalizer"), with: try text(json, "content", "normalizer"))
    case "ByteLevel": return .byteLevel
    default: throw .unsupported(component: "normalizer", kind: kind)
    }
  }

  func preTokenizer(_ json: JSONValue?, depth: Int = 0) throws(TokenizerProblem) -> PreTokenizer? {
    guard let json, !json.isNull else { return nil }
    let kind = try text(json, "type", "pre_tokenizer")
    switch kind {
    case "Sequence":
      var steps: [PreTokenizer] = []
      for item in try list(json, "pretokenizers", "pre_tokenizer", depth) {
        if let step = try preTokenizer(item, depth: depth + 1) { steps.append(step) }
      }
      return .sequence(steps)
    case "ByteLevel":
      let usesRegex = flag(json, "use_regex", default: true)
      return .byteLevel(
        addsPrefixSpace: flag(json, "add_prefix_space", default: true),
        pattern: usesRegex ? try compiled(PreTokenizer.gpt2, "pre_tokenizer") : nil)
    case "Split":
      guard let behavior = SplitBehavior(rawValue: try text(json, "behavior", "pre_tokenizer")) else {
        throw malformed("pre_tokenizer", "unknown behavior")
      }
      return .split(try pattern(json, "pre_tokenizer"), behavior, isInverted: flag(json, "invert", default: false))
    case "Digits":
      let isolated = flag(json, "individual_digits", default: false)
      return .split(
        try compiled(#"\p{N}"#, "pre_tokenizer"), isolated ? .isolated : .contiguous, isInverted: false)
    case "Whitespace":
      return .split(try compiled(#"\w+|[^\w\s]+"#, "pre_tokenizer"), .removed, isInverted: true)
    case "WhitespaceSplit": return .split(try compiled(#"\s"#, "pre_tokenizer"), .removed, isInverted: false)
    case "Punctuation":
      let behavior = SplitBehavior(rawValue: json["behavior"]?.stringValue ?? "Isolated") ?? .isolated
      return .split(try compiled(#"[!-\/:-@\[-`{-~]|\p{P}"#, "pre_tokenizer"), behavior, isInverted: false)
    case "Metaspace":
      return .metaspace(
        replacement: json["replacement"]?.stringValue ?? "▁", scheme(json), splits: flag(json, "split", default: true))
    default: throw .unsupported(component: "pre-tokenizer", kind: kind)
    }
  }

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
    default: throw .unsupported(component: "post-processor", kind: kind)
    }
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
        guard !ids.isEmpty, ids.allSatisfy({ (0..<(1 << 24)).contains($0) }) else {
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
    case "Strip":
      let content = try text(json, "content", "decoder").unicodeScalars
      guard content.count == 1, let scalar = content.first else { throw malformed("decoder", "not one character") }
      let bound = 0...1024
      return .strip(
        content: scalar, start: (json["start"]?.intValue ?? 0).clamped(to: bound),
        stop: (json["stop"]?.intValue ?? 0).clamped(to: bound))
    case "Replace": return .replace(try pattern(json, "decoder"), with: try text(json, "content", "decoder"))
    case "Metaspace":
      return .metaspace(replacement: json["replacement"]?.stringValue ?? "▁", dropsFirst: scheme(json) != .never)
    default: throw .unsupported(component: "decoder", kind: kind)
    }
  }

  /// `prepend_scheme`, or the older `add_prefix_space`.
  private func scheme(_ json: JSONValue) -> PreTokenizer.PrependScheme {
    if let name = json["prepend_scheme"]?.stringValue, let scheme = PreTokenizer.PrependScheme(rawValue: name) {
      return scheme
    }
    return flag(json, "add_prefix_space", default: true) ? .always : .never
  }

  private func list(
    _ json: JSONValue, _ key: String, _ place: String, _ depth: Int
  ) throws(TokenizerProblem) -> [JSONValue] {
    guard depth < Self.nestingLimit else { throw malformed(place, "nested deeper than \(Self.nestingLimit)") }
    guard let items = json[key]?.arrayValue else { throw malformed(place, "\"\(key)\" is not an array") }
    return items
  }

  private func pattern(_ json: JSONValue, _ place: String) throws(TokenizerProblem) -> Pattern {
    if let regex = json["pattern"]?["Regex"]?.stringValue { return try compiled(regex, place) }
    if let literal = json["pattern"]?["String"]?.stringValue { return Pattern(literal: literal) }
    throw malformed(place, "no pattern")
  }

  private func compiled(_ regex: String, _ place: String) throws(TokenizerProblem) -> Pattern {
    guard let pattern = Pattern(regex: regex) else {
      throw malformed(place, "not a regular expression: \(regex.prefix(80))")
    }
    return pattern
  }
}

extension Int {
  fileprivate func clamped(to range: ClosedRange<Int>) -> Int {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
