// SPDX-License-Identifier: Apache-2.0
// Reads the steps before the model. An unknown kind is refused by name: a step passed over would give other tokens.

import Basics

extension TokenizerFile {
  /// The steps around the model.
  struct Steps {
    var normalizer: Normalizer?
    var preTokenizer: PreTokenizer?
    var postProcessor: PostProcessor?
    var decoder: Decoder?
  }

  /// Reads all steps.
  func steps() throws(TokenizerProblem) -> Steps {
    Steps(
      normalizer: try normalizer(root["normalizer"]), preTokenizer: try preTokenizer(root["pre_tokenizer"]),
      postProcessor: try postProcessor(root["post_processor"]), decoder: try decoder(root["decoder"]))
  }

  private func normalizer(_ json: JSONValue?, depth: Int = 0) throws(TokenizerProblem) -> Normalizer? {
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
    case "Prepend": return .prepend(Array(try text(json, "prepend", "normalizer").utf8))
    case "Append": return .append(Array(try text(json, "append", "normalizer").utf8))
    case "Replace":
      return .replace(try pattern(json, "normalizer"), with: Array(try text(json, "content", "normalizer").utf8))
    case "Nmt": return .nmt
    case "Precompiled":
      // Files of models without a map write null.
      if json["precompiled_charsmap"]?.isNull ?? true { return nil }
      guard let map = CharacterMap(base64: try text(json, "precompiled_charsmap", "normalizer")) else {
        throw malformed("normalizer.precompiled_charsmap", "not a character map")
      }
      return .precompiled(map)
    case "BertNormalizer", "Bert":
      let lowercases = flag(json, "lowercase", default: true)
      return .bert(
        BertNormalizer(
          cleansText: flag(json, "clean_text", default: true),
          separatesChinese: flag(json, "handle_chinese_chars", default: true),
          stripsAccents: json["strip_accents"]?.boolValue ?? lowercases, lowercases: lowercases))
    case "ByteLevel": return .byteLevel
    default: throw .unsupported(component: "normalizer", kind: kind)
    }
  }

  private func preTokenizer(_ json: JSONValue?, depth: Int = 0) throws(TokenizerProblem) -> PreTokenizer? {
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
      return .byteLevel(
        addsPrefixSpace: flag(json, "add_prefix_space", default: true),
        usesRegex: flag(json, "use_regex", default: true), isRaw: false)
    case "Split": return try split(json)
    case "CharDelimiterSplit", "Delimiter":
      return .delimiter(try character(json, "delimiter", "pre_tokenizer").value)
    case "Digits": return .digits(isIndividual: flag(json, "individual_digits", default: false))
    case "Punctuation": return .punctuation(try behavior(json, default: .isolated))
    case "Whitespace": return .whitespace
    case "WhitespaceSplit": return .whitespaceSplit
    case "BertPreTokenizer": return .bert
    case "Metaspace":
      return .metaspace(
        Metaspace(replacement: try replacement(json, "pre_tokenizer"), scheme: scheme(json)),
        splits: flag(json, "split", default: true))
    case "UnicodeScripts": return .unicodeScripts
    case "FixedLength":
      let length = json["length"]?.intValue ?? 5
      guard length > 0 else {
        throw malformed("pre_tokenizer.length", "not a positive number")
      }
      return .fixedLength(length)
    default: throw .unsupported(component: "pre-tokenizer", kind: kind)
    }
  }

  private func split(_ json: JSONValue) throws(TokenizerProblem) -> PreTokenizer {
    let behavior = try behavior(json, default: nil)
    let isInverted = flag(json, "invert", default: false)
    // A scanner's words cover the text, so that nothing but the words is left to behave.
    if behavior == .isolated, let scanner = json["pattern"]?["Regex"]?.stringValue.flatMap(WordScanner.init) {
      return .words(scanner)
    }
    return .split(try pattern(json, "pre_tokenizer"), behavior, isInverted: isInverted)
  }

  private func behavior(_ json: JSONValue, default value: SplitBehavior?) throws(TokenizerProblem) -> SplitBehavior {
    if let name = json["behavior"]?.stringValue, let behavior = SplitBehavior(rawValue: name) { return behavior }
    if json["behavior"] == nil, let value { return value }
    throw malformed("pre_tokenizer.behavior", "unknown")
  }

  /// Whether the last step of a pre-tokenizer, and no other, writes bytes in GPT-2's alphabet.
  static func endsInByteLevel(_ json: JSONValue?) -> Bool {
    guard let json else { return false }
    let steps = flattened(json, depth: 0)
    return steps.last == "ByteLevel" && !steps.dropLast().contains("ByteLevel")
  }

  private static func flattened(_ json: JSONValue, depth: Int) -> [String] {
    guard json["type"]?.stringValue == "Sequence", depth < nestingLimit else {
      return [json["type"]?.stringValue ?? ""]
    }
    return (json["pretokenizers"]?.arrayValue ?? []).flatMap { flattened($0, depth: depth + 1) }
  }
}

extension PreTokenizer {
  /// The same without writing bytes in the alphabet at the end.
  var leftRaw: PreTokenizer {
    switch self {
    case .byteLevel(let addsPrefixSpace, let usesRegex, _):
      .byteLevel(addsPrefixSpace: addsPrefixSpace, usesRegex: usesRegex, isRaw: true)
    case .sequence(let steps): .sequence(steps.dropLast() + steps.suffix(1).map(\.leftRaw))
    default: self
    }
  }
}
