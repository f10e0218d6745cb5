// SPDX-License-Identifier: Apache-2.0
// How text is cut before merging, by `tokenizer.ggml.pre`: the pre-tokenizer the original tokenizer.json
// has. The regular expressions are the published ones; llama.cpp's own are rewritten for its engine.

internal import Basics

/// The steps around a byte-level vocabulary.
struct GGUFPreTokenizer: Sendable {
  /// What cuts the text before the bytes are made letters.
  enum Cut: Sendable {
    /// GPT-2's expression, built into the ByteLevel step.
    case byteLevel
    /// Single digits first, then GPT-2's expression.
    case digits
    /// Expressions, one after the other.
    case expressions([String])
  }

  var cut: Cut
  /// Unicode normalisation before everything; llama.cpp leaves it out.
  var composes = false
  /// Whether a piece that is a token is taken without merging.
  var ignoresMerges = false
  /// Whether texts begin with `bos` when the file does not say.
  var addsBegin = false

  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let tail = #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let qwen = contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"# + tail
  private static let llama3 = contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"# + tail
  private static let upper = #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
  private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
  private static let slashTail = #" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let tekken = "\(upper)*\(lower)+|\(upper)+\(lower)*|" + #"\p{N}|"# + slashTail
  private static let o200k =
    "\(upper)*\(lower)+\(contractions)?|\(upper)+\(lower)*\(contractions)?|" + #"\p{N}{1,3}|"# + slashTail
  private static let deepseek3 = [
    #"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+",
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
  ]

  private static let table: [String: GGUFPreTokenizer] = {
    let qwen2 = GGUFPreTokenizer(cut: .expressions([qwen]), composes: true)
    let llamaBPE = GGUFPreTokenizer(cut: .expressions([llama3]), ignoresMerges: true, addsBegin: true)
    let plain = GGUFPreTokenizer(cut: .byteLevel)
    let digits = GGUFPreTokenizer(cut: .digits)
    return [
      "gpt-2": plain, "phi-2": plain, "olmo": GGUFPreTokenizer(cut: .byteLevel, composes: true),
      "smollm": digits, "starcoder": digits, "refact": digits,
      "command-r": GGUFPreTokenizer(cut: .digits, composes: true),
      "qwen2": qwen2, "deepseek-r1-qwen": qwen2, "megrez": qwen2,
      "llama-bpe": llamaBPE, "llama3": llamaBPE, "llama-v3": llamaBPE, "falcon3": llamaBPE,
      "dbrx": GGUFPreTokenizer(cut: .expressions([llama3])), "smaug-bpe": GGUFPreTokenizer(cut: .expressions([llama3])),
      "tekken": GGUFPreTokenizer(cut: .expressions([tekken]), ignoresMerges: true, addsBegin: true),
      "gpt-4o": GGUFPreTokenizer(cut: .expressions([o200k])), "llama4": GGUFPreTokenizer(cut: .expressions([o200k])),
      "deepseek-v3": GGUFPreTokenizer(cut: .expressions(deepseek3)),
    ]
  }()

  /// The steps of a name; nil when it is not known. Files from before the key existed are known by
  /// their architecture only where it has a single pre-tokenizer.
  static func named(_ name: String, modelType: String) -> GGUFPreTokenizer? {
    if name.isEmpty || name == "default" { return modelType == "qwen2" ? table["qwen2"] : nil }
    return table[name]
  }

  /// Names that are known, sorted.
  static var names: [String] { table.keys.sorted() }

  var normalizer: JSONValue { composes ? ["type": "NFC"] : .null }

  /// The `pre_tokenizer` of tokenizer.json.
  var preTokenizer: JSONValue {
    switch cut {
    case .byteLevel: Self.byteLevel(usesExpression: true)
    case .digits:
      Self.sequence([["type": "Digits", "individual_digits": true], Self.byteLevel(usesExpression: true)])
    case .expressions(let expressions):
      Self.sequence(
        expressions.map {
          ["type": "Split", "pattern": ["Regex": .string($0)], "behavior": "Isolated", "invert": false]
        } + [Self.byteLevel(usesExpression: false)])
    }
  }

  private static func sequence(_ steps: [JSONValue]) -> JSONValue {
    ["type": "Sequence", "pretokenizers": .array(steps)]
  }

  /// The step that makes bytes letters; its offsets are not trimmed, which ids do not depend on.
  static func byteLevel(usesExpression: Bool) -> JSONValue {
    ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": .bool(usesExpression)]
  }
}
