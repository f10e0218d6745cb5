// SPDX-License-Identifier: Apache-2.0
// Reads the `model` of tokenizer.json: settings as a tree, vocabulary and merges straight into their tables.

import Basics

/// A model being read.
struct ModelReader {
  private let file: TokenizerFile
  private var settings = JSONObject()
  private var vocabulary = Vocabulary()
  private var merges = MergeTable(capacity: 0)
  private var scores: [Double] = []
  private var isList = false
  private var unencodable: [TokenID: [UInt8]] = [:]
  /// Whether the vocabulary is kept in raw bytes.
  private var isRaw = false
  /// What makes the model unusable although it is JSON.
  private var problem: TokenizerProblem?
  private var continuingPrefix: [UInt8] = []

  /// Reads the object the cursor is at.
  init(_ cursor: inout JSONCursor, _ file: TokenizerFile) throws(JSONProblem) {
    self.file = file
    var places: [String: Int] = [:]
    var isReady = false
    try cursor.forEachKey { (key, cursor) throws(JSONProblem) in
      switch key {
      case "vocab", "merges":
        cursor.skipSpace()
        // What decides how to read them usually stands before them.
        isReady = isReady || decide(atEnd: false)
        if isReady && (key == "vocab" || places["vocab"] == -1) {
          try readTable(key, &cursor)
          places[key] = -1
        } else {
          places[key] = cursor.position
          try cursor.skipValue()
        }
      default: settings[key] = try cursor.value(depth: 8, limits: .lastKeyWins)
      }
    }
    let end = cursor.position
    if !isReady { _ = decide(atEnd: true) }
    for key in ["vocab", "merges"] {
      guard let place = places[key] else {
        if key == "vocab" || kind == "BPE" { refuse("model", "it has no \(key)") }
        continue
      }
      guard place >= 0 else { continue }
      cursor.position = place
      try readTable(key, &cursor)
    }
    cursor.position = end
  }

  /// The kind, for old files without one by what it holds.
  private var kind: String {
    if let kind = settings["type"]?.stringValue { return kind }
    if settings["unk_id"] != nil { return "Unigram" }
    return settings["max_input_chars_per_word"] != nil ? "WordPiece" : "BPE"
  }

  private mutating func refuse(_ place: String, _ why: String) { problem = problem ?? file.malformed(place, why) }

  /// Decides whether the vocabulary is kept in raw bytes; false while that is open.
  private mutating func decide(atEnd: Bool) -> Bool {
    let keys = ["type", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"]
    let isOther = settings["type"]?.stringValue.map { $0 != "BPE" } ?? false
    guard atEnd || isOther || keys.allSatisfy({ settings[$0] != nil }) else { return false }
    continuingPrefix = Array((settings["continuing_subword_prefix"]?.stringValue ?? "").utf8)
    let isPlain = continuingPrefix.isEmpty && (settings["end_of_word_suffix"]?.stringValue ?? "").isEmpty
    isRaw =
      kind == "BPE" && isPlain && settings["byte_fallback"]?.boolValue != true
      && TokenizerFile.endsInByteLevel(file.root["pre_tokenizer"])
    return true
  }

  private mutating func readTable(_ key: String, _ cursor: inout JSONCursor) throws(JSONProblem) {
    if key == "merges" {
      guard kind == "BPE" else { return try cursor.skipValue() }
      try readMerges(&cursor)
    } else if try cursor.peek() == UInt8(ascii: "[") {
      try readScores(&cursor)
    } else if try cursor.peek() == UInt8(ascii: "{") {
      try readVocabulary(&cursor)
    } else {
      refuse("model.vocab", "neither an object nor an array")
      try cursor.skipValue()
    }
  }

  // MARK: Vocabulary

  private mutating func readVocabulary(_ cursor: inout JSONCursor) throws(JSONProblem) {
    // An entry takes some twelve bytes; a guess too small grows.
    vocabulary = Vocabulary(capacity: min((cursor.bytes.count - cursor.position) / 32, 1 << 18))
    let alphabet = ByteAlphabet.bytes
    var key = KeyBuffer()
    try cursor.expect(UInt8(ascii: "{"))
    if try cursor.take(UInt8(ascii: "}")) { return }
    repeat {
      key.clear()
      let isEncoded = try readKey(&cursor, &key, alphabet.span)
      try cursor.pass(UInt8(ascii: ":"))
      let id = try cursor.integer()
      if isEncoded {
        if !vocabulary.append(key.bytes, id: id) { refuseToken(key.bytes) }
      } else if (0..<Vocabulary.idBound).contains(id) {
        unencodable[TokenID(id)] = Array(key.bytes)
      } else {
        refuseToken(key.bytes)
      }
    } while try cursor.passComma()
    try cursor.expect(UInt8(ascii: "}"))
    vocabulary.index()
  }

  private mutating func refuseToken(_ key: ArraySlice<UInt8>) {
    refuse("model.vocab", "the token \"\(String(decoding: key.prefix(32), as: UTF8.self))\" has no valid number")
  }

  /// Reads a token's text; false when it is to be kept as it is although the vocabulary is raw.
  private func readKey(
    _ cursor: inout JSONCursor, _ key: inout KeyBuffer, _ alphabet: Span<Int16>
  ) throws(JSONProblem) -> Bool {
    let start = try cursor.openQuote()
    let isRead =
      isRaw
      ? key.decode(cursor.bytes, &cursor.position, until: UInt8(ascii: "\""), alphabet)
      : key.copy(cursor.bytes, &cursor.position)
    if isRead { return true }
    cursor.position = start - 1
    var text: [UInt8] = []
    try cursor.string(into: &text)
    let raw = isRaw ? ByteAlphabet.decode(text.span) : text
    key.append(raw ?? text)
    return raw != nil
  }

  /// Reads `[["token", score], …]`, the numbers being the places.
  private mutating func readScores(_ cursor: inout JSONCursor) throws(JSONProblem) {
    vocabulary = Vocabulary(capacity: min((cursor.bytes.count - cursor.position) / 32, 1 << 18))
    isList = true
    let alphabet = ByteAlphabet.bytes
    var key = KeyBuffer()
    try cursor.forEachElement { (cursor) throws(JSONProblem) in
      key.clear()
      try cursor.expect(UInt8(ascii: "["))
      _ = try readKey(&cursor, &key, alphabet.span)
      try cursor.expect(UInt8(ascii: ","))
      let score = try cursor.number().doubleValue ?? 0
      try cursor.expect(UInt8(ascii: "]"))
      if !vocabulary.append(key.bytes, id: scores.count) { refuseToken(key.bytes) }
      scores.append(score)
    }
    vocabulary.index()
  }

  // MARK: Merges

  private mutating func readMerges(_ cursor: inout JSONCursor) throws(JSONProblem) {
    guard try cursor.peek() == UInt8(ascii: "[") else {
      refuse("model.merges", "not an array")
      return try cursor.skipValue()
    }
    var list = MergeList(capacity: vocabulary.count)
    let alphabet = ByteAlphabet.bytes
    var sides = KeyBuffer()
    try cursor.forEachElement { (cursor) throws(JSONProblem) in
      sides.clear()
      let cut = try readSides(&cursor, &sides, alphabet.span)
      if cut == nil || !list.append(sides.bytes, cut: cut ?? 0) {
        refuse("model.merges[\(list.count)]", "not two tokens")
      }
    }
    // In a raw vocabulary a merge of tokens outside the alphabet never applies.
    let made = list.table(vocabulary, dropping: continuingPrefix.count, skipsUnknown: !unencodable.isEmpty)
    merges = made.table
    switch made.fault {
    case .unknownSide(let rank): refuse("model.merges[\(rank)]", "a token of it is not in the vocabulary")
    case .unknownResult(let rank): refuse("model.merges[\(rank)]", "its result is not in the vocabulary")
    case nil: break
    }
  }

  /// Reads `"a b"` or `["a", "b"]`.
  /// - Returns: the length of the first token; nil when there are not two.
  private func readSides(
    _ cursor: inout JSONCursor, _ sides: inout KeyBuffer, _ alphabet: Span<Int16>
  ) throws(JSONProblem) -> Int? {
    if try cursor.take(UInt8(ascii: "[")) {
      _ = try readKey(&cursor, &sides, alphabet)
      let cut = sides.count
      try cursor.pass(UInt8(ascii: ","))
      _ = try readKey(&cursor, &sides, alphabet)
      try cursor.pass(UInt8(ascii: "]"))
      return cut
    }
    guard try cursor.peek() == UInt8(ascii: "\"") else {
      _ = try cursor.value(depth: 4, limits: .standard)
      return nil
    }
    let start = try cursor.openQuote()
    if isRaw, sides.decode(cursor.bytes, &cursor.position, until: 0x20, alphabet) {
      let cut = sides.count
      if sides.decode(cursor.bytes, &cursor.position, until: UInt8(ascii: "\""), alphabet) { return cut }
    }
    sides.clear()
    cursor.position = start - 1
    if !isRaw {
      cursor.position = start
      if sides.copy(cursor.bytes, &cursor.position), let cut = sides.removeBlank() { return cut }
      sides.clear()
      cursor.position = start - 1
    }
    var text: [UInt8] = []
    try cursor.string(into: &text)
    let parts = text.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
    guard parts.count == 2 else { return nil }
    let decoded = isRaw ? parts.map { ByteAlphabet.decode($0.span) ?? $0 } : parts
    sides.append(decoded[0] + decoded[1])
    return decoded[0].count
  }

  // MARK: The model

  /// The parts of a tokenizer with this model.
  func parts(_ steps: TokenizerFile.Steps) -> TokenizerParts {
    TokenizerParts(
      model: model(), normalizer: steps.normalizer,
      preTokenizer: isRaw ? steps.preTokenizer?.leftRaw : steps.preTokenizer,
      postProcessor: steps.postProcessor, decoder: steps.decoder, unencodable: unencodable,
      modelSize: scores.isEmpty ? vocabulary.count + unencodable.count : scores.count)
  }

  private func model() -> TokenModel {
    switch kind {
    case "Unigram":
      let unknown = settings["unk_id"]?.intValue.flatMap { TokenID(exactly: $0) }
      return .unigram(
        Unigram(
          vocabulary: vocabulary, scores: scores, unknown: unknown, byteTokens: hasByteFallback ? byteTokens : nil))
    case "WordPiece":
      return .wordPiece(
        WordPiece(
          vocabulary: vocabulary, unknown: token(settings["unk_token"]?.stringValue ?? "[UNK]"),
          continuingPrefix: Array((settings["continuing_subword_prefix"]?.stringValue ?? "##").utf8),
          longestWord: min(max(settings["max_input_chars_per_word"]?.intValue ?? 100, 0), 1 << 12)))
    case "WordLevel":
      return .wordLevel(
        WordLevel(vocabulary: vocabulary, unknown: token(settings["unk_token"]?.stringValue ?? "<unk>")))
    default: return .bpe(bpe())
    }
  }

  private func bpe() -> BPE {
    var model = BPE(vocabulary: vocabulary, merges: merges)
    model.fusesUnknown = settings["fuse_unk"]?.boolValue ?? false
    model.ignoresMerges = settings["ignore_merges"]?.boolValue ?? false
    model.continuingPrefix = continuingPrefix
    model.endSuffix = Array((settings["end_of_word_suffix"]?.stringValue ?? "").utf8)
    model.unknown = settings["unk_token"]?.stringValue.flatMap(token)
    if hasByteFallback { model.byteTokens = byteTokens }
    if isRaw { model.rawSymbols = (0..<256).map { vocabulary.id([UInt8($0)]) ?? -1 } }
    return model
  }

  private var hasByteFallback: Bool { settings["byte_fallback"]?.boolValue ?? false }

  private func token(_ text: String) -> TokenID? {
    let key = Array(text.utf8)
    guard isRaw else { return vocabulary.id(key) }
    return ByteAlphabet.decode(key.span).flatMap { vocabulary.id($0) } ?? unencodable.first { $0.value == key }?.key
  }

  /// The tokens `<0x00>` to `<0xFF>`, -1 for those that are missing.
  private var byteTokens: [TokenID] {
    let digits = Array("0123456789ABCDEF".utf8)
    return (0..<256).map { byte in
      vocabulary.id(Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15], UInt8(ascii: ">")]) ?? -1
    }
  }

  /// What is wrong with the model beyond its form.
  func check() -> TokenizerProblem? {
    guard ["BPE", "Unigram", "WordPiece", "WordLevel"].contains(kind) else {
      return .unsupported(component: "model", kind: kind)
    }
    if let problem { return problem }
    if kind == "Unigram" {
      if scores.isEmpty { return file.malformed("model.vocab", "not an array of tokens with scores") }
      if let unknown = settings["unk_id"]?.intValue, !scores.indices.contains(unknown) {
        return file.malformed("model.unk_id", "\(unknown) is not in the vocabulary")
      }
    } else if isList {
      return file.malformed("model.vocab", "not an object")
    }
    return nil
  }
}
