// SPDX-License-Identifier: Apache-2.0
// Tokenizers and templates.

import Basics
import Templates
import Tokenizers

extension FuzzTarget {
  /// Texts that reach every step of a tokenizer.
  private static let texts = [
    "", "Hello, world! It's 12345 o'clock.", "  a\tb\r\n\n c  ", "ÀÉÎ é ﬁ Å①", "漢字かな交じり文", "👩‍👩‍👧‍👦 🇩🇪",
    "<s>a</s><|end|>[CLS]",
    String(repeating: "ab ", count: 200), String(repeating: "x", count: 300), "\u{0}\u{FFFD}\u{200D}\u{301}",
  ]

  private static func use(_ tokenizer: Tokenizer) {
    for text in texts {
      let ids = tokenizer.encode(text)
      _ = tokenizer.decode(ids)
      var stream = tokenizer.makeStreamDecoder()
      for id in ids.prefix(64) { _ = stream.append(id) }
    }
    _ = tokenizer.encode(bytes: [0xFF, 0xC0, 0x61, 0xE2, 0x82])
    _ = tokenizer.encodePair("a b", "c", addSpecialTokens: true, parseSpecial: true)
    for id in [-1, 0, 1, 7, tokenizer.vocabularySize - 1, tokenizer.vocabularySize, Int(TokenID.max)] {
      guard let id = TokenID(exactly: id) else { continue }
      _ = tokenizer.token(of: id)
      _ = tokenizer.bytes(of: id)
      _ = tokenizer.isSpecial(id)
    }
  }

  static let tokenizerJSON = FuzzTarget(
    name: "tokenizer-json",
    mutator: Mutator(
      dictionary: json + [
        "\"type\":\"BPE\"", "\"type\":\"Unigram\"", "\"type\":\"WordPiece\"", "\"type\":\"Sequence\"",
        "\"type\":\"Split\"",
        "\"type\":\"Replace\"", "\"type\":\"Precompiled\"", "\"type\":\"Metaspace\"", "\"type\":\"ByteLevel\"",
        "\"type\":\"Digits\"", "\"type\":\"TemplateProcessing\"", "\"pattern\":{\"Regex\":\"(a+)+$\"}",
        "\"pattern\":{\"Regex\":\"\\\\p{L}+|\\\\s+(?!\\\\S)\"}", "\"pattern\":{\"String\":\"\"}", "\"id\":4294967295",
        "\"special\":true", "\"lstrip\":true", "\"byte_fallback\":true", "\"unk_id\":99", "[\"a\",\"b\"]", "\"a b\"",
        "[\"a\",-1.5]", "\\\\p{", "(?<!", "{1000}", "*+", "[^\\\\s", "\"normalizer\":", "\"pre_tokenizer\":",
      ], isText: true),
    seeds: { try files("\($0)/fuzz/tokenizer-json") },
    run: { input, _ in use(try Tokenizer(json: input)) })

  static let tokenizerModel = FuzzTarget(
    name: "tokenizer-model",
    mutator: Mutator(
      dictionary: ["\u{8}\u{1}", "\u{12}", "\n", "▁", "<0x00>", "\u{18}\u{6}", "*\u{2}", "\u{10}"], isText: false),
    seeds: { fixtures in
      let whole = try Files.read("\(fixtures)/tokenizers/spm-bpe-llama-legacy/tokenizer.model")
      return try files("\(fixtures)/fuzz/tokenizer-model") + [whole]
    },
    run: { input, scratch in
      let path = "\(scratch)/tokenizer.model"
      try put(input, at: path)
      use(try Tokenizer(sentencePiece: path))
    })

  /// Bounds of a thousandth of the usual: a template that runs to its bounds takes milliseconds, not seconds.
  private static let limits: TemplateLimits = {
    var limits = TemplateLimits()
    limits.steps = 200_000
    limits.memory = 4 << 20
    limits.textSize = 1 << 20
    limits.outputSize = 1 << 20
    return limits
  }()

  private static let context: [String: Value] = [
    "messages": [
      ["role": "system", "content": "Be brief."], ["role": "user", "content": " Hi <b> "],
      [
        "role": "assistant", "content": .none,
        "tool_calls": [["id": "1", "function": ["name": "f", "arguments": ["x": 1.5, "y": [1, 2]]]]],
      ], ["role": "tool", "content": "{\"t\": 20}", "tool_call_id": "1"],
    ],
    "tools": [["type": "function", "function": ["name": "f", "parameters": ["type": "object"]]]],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true, "n": 7, "big": 9_223_372_036_854_775_807,
    "x": 0.1, "s": "a,b,c", "l": [3, 1, 2], "d": ["k": "v"],
  ]

  static let template = FuzzTarget(
    name: "template",
    mutator: Mutator(
      dictionary: [
        "{{", "}}", "{%", "%}", "{%-", "-%}", "{#", "#}", "{% for x in ", "{% endfor %}", "{% if ", "{% else %}",
        "{% endif %}", "{% set ", "{% macro m(a, b=1) %}", "{% endmacro %}", "{% call m() %}", "{% filter upper %}",
        "{% raw %}", "{% break %}", "{% generation %}", "loop.index", "loop(x)", " recursive", "namespace(a=1)",
        "range(",
        "|tojson(indent=", "|join(", "|map(attribute=", "|selectattr(", "|groupby(", "|sort", "|batch(", "|slice(",
        "|replace(", "|format(", "|round(", "|default(", "|wordwrap(", "|indent(", "|truncate(", "|center(", "|xmlattr",
        "messages", "tools", "n", "big", "s", "l", "d", "**", "//", "%", "~", " in ", " is ", " not ", " if ", "[::-1]",
        "[1:", ".split(", ".format(", "'%s' % ", "'{:>10}'", "lambda", "cycler(", "joiner(", "lipsum(", "dict(", "\\",
        "'",
        "\"", "strftime_now(", "raise_exception(", "self.", "super()", "1e400", "9223372036854775808",
        "-9223372036854775808",
      ], isText: true),
    seeds: { fixtures in
      var seeds = try files("\(fixtures)/fuzz/template")
      for name in ["cases", "snippets"] {
        let text = try Files.read("\(fixtures)/templates/\(name).jsonl")
        for line in text.split(separator: UInt8(ascii: "\n")) {
          if let source = try JSONReader.parse(Array(line))["template"]?.stringValue {
            seeds.append(Array(source.utf8))
          }
        }
      }
      return seeds
    },
    run: { input, _ in
      let template = try ChatTemplate(source: String(decoding: input, as: UTF8.self), limits: limits)
      _ = try template.render(
        context: context, now: TemplateClock(secondsSince1970: 1_721_959_509, offsetFromUTC: 3600))
    })
}
