// SPDX-License-Identifier: Apache-2.0
// Every stored vector of every tokenizer in Fixtures/tokenizers: what the reference library answers.

import Basics
import Support
import Testing
import Tokenizers

@Suite struct VectorTests {
  static let folders = (try? Files.list(Fixtures.url("tokenizers"))) ?? []

  @Test("tokens and texts are those of the reference", arguments: folders)
  func vectors(_ name: String) throws {
    let tokenizer = try Tokenizer(folder: Fixtures.url("tokenizers/\(name)"))
    for sample in try Fixtures.jsonLines("tokenizers/\(name)/cases.jsonl") {
      let label = "\(name) n=\(sample["n"]?.intValue ?? -1)"
      let ids = try #require(sample["ids"]?.arrayValue).compactMap(\.intValue).map { TokenID($0) }
      if sample["kind"]?.stringValue != "decode" {
        #expect(try encode(sample, tokenizer) == ids, "\(label)")
      }
      if let decoded = sample["decoded"]?.stringValue {
        #expect(exactly(tokenizer.decode(ids), decoded), "\(label)")
      }
      if let decoded = sample["decoded_skip_special"]?.stringValue {
        #expect(exactly(tokenizer.decode(ids, skipSpecial: true), decoded), "\(label)")
      }
      if sample["kind"]?.stringValue == "encode", let stream = sample["stream"]?.arrayValue {
        var decoder = tokenizer.makeStreamDecoder()
        let text = ids.compactMap { decoder.append($0) }.joined()
        #expect(exactly(text, stream.compactMap(\.stringValue).joined()), "\(label) stream")
      }
    }
  }

  private func encode(_ sample: JSONValue, _ tokenizer: Tokenizer) throws -> [TokenID] {
    let adds = sample["add_special_tokens"]?.boolValue ?? true
    let parses = sample["parse_special"]?.boolValue ?? true
    if let hex = sample["bytes_hex"]?.stringValue {
      return tokenizer.encode(bytes: try #require(Hex.bytes(hex)), addSpecialTokens: adds, parseSpecial: parses)
    }
    let text = try #require(sample["text"]?.stringValue)
    guard let second = sample["pair"]?.stringValue else {
      return tokenizer.encode(text, addSpecialTokens: adds, parseSpecial: parses)
    }
    let pair = tokenizer.encodePair(text, second, addSpecialTokens: adds, parseSpecial: parses)
    if let types = sample["type_ids"]?.arrayValue {
      #expect(pair.types.map { Int($0) } == types.compactMap(\.intValue))
    }
    return pair.ids
  }

  /// Swift's strings are equal when Unicode deems them so; tokenizers deal in code points.
  private func exactly(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
}

@Suite struct TokenizerFileTests {
  @Test(
    "broken files are refused with a problem",
    arguments: [
      "", "[]", "{}", #"{"model":{}}"#, #"{"model":{"type":"BPE","vocab":[],"merges":[]}}"#,
      #"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#,
      #"{"model":{"type":"BPE","vocab":{"a":"0"},"merges":[]}}"#,
      #"{"model":{"type":"BPE","vocab":{"a":99999999999},"merges":[]}}"#, #"{"model":{"type":"BPE","vocab":{"a":0}}}"#,
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}"#,
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}"#,
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[1]}}"#, #"{"model":{"type":"Magic","vocab":{},"merges":[]}}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"normalizer":{"type":"Magic"}}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"normalizer":{}}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"}}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a"},"behavior":"Odd"}}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"added_tokens":[{"content":"x","id":-5}]}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"added_tokens":[{"id":5}]}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"pair":[]}}"#,
      #"{"model":{"type":"BPE","vocab":{},"merges":[]},"decoder":{"type":"Strip","content":"ab"}}"#,
    ])
  func broken(_ text: String) throws {
    let folder = try TemporaryFolder()
    try folder.write(text, to: "tokenizer.json")
    #expect(throws: TokenizerProblem.self) { try Tokenizer(folder: folder.path) }
  }

  @Test("a folder without a tokenizer says so") func missing() throws {
    let folder = try TemporaryFolder()
    #expect(throws: TokenizerProblem.missing(folder: folder.path)) { try Tokenizer(folder: folder.path) }
  }

  @Test("steps nested without end are refused") func nesting() throws {
    let folder = try TemporaryFolder()
    let deep = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 50) + String(repeating: "]}", count: 50)
    try folder.write(#"{"model":{"vocab":{},"merges":[]},"normalizer":"# + deep + "}", to: "tokenizer.json")
    #expect(throws: TokenizerProblem.self) { try Tokenizer(folder: folder.path) }
  }

  @Test("numbers outside the vocabulary decode to nothing") func unknownNumbers() throws {
    let tokenizer = try Tokenizer(folder: Fixtures.url("tokenizers/bytelevel-gpt2"))
    #expect(tokenizer.decode([-1, .max, .min, 9_999_999]) == "")
  }
}
