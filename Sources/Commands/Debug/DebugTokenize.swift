// SPDX-License-Identifier: Apache-2.0
// `impetus debug tokenize`: texts to tokens and tokens to texts, with the stream of pieces.

import ArgumentParser
import Basics
import Tokenizers

struct DebugTokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Answer lines of texts with tokens, and lines of tokens with texts.")

  @Option(name: .long, help: ArgumentHelp("Folder with tokenizer.json.", valueName: "folder"), completion: .directory)
  var tokenizer: String

  func run() throws {
    let tokenizer = try Tokenizer(folder: tokenizer)
    try answerLines { question in
      if let ids = question["decode"]?.arrayValue {
        return .object(decoded(ids.compactMap(\.intValue).compactMap { TokenID(exactly: $0) }, tokenizer))
      }
      return .object(encoded(question, tokenizer))
    }
  }

  private func encoded(_ question: JSONValue, _ tokenizer: Tokenizer) -> JSONObject {
    let adds = question["add_special_tokens"]?.boolValue ?? true
    let parses = question["parse_special"]?.boolValue ?? true
    let bytes =
      question["bytes_hex"]?.stringValue.flatMap(Hex.bytes) ?? Array((question["text"]?.stringValue ?? "").utf8)
    if let second = question["pair"]?.stringValue {
      let first = String(decoding: bytes, as: UTF8.self)
      let pair = tokenizer.encodePair(first, second, addSpecialTokens: adds, parseSpecial: parses)
      var answer = decoded(pair.ids, tokenizer)
      answer["type_ids"] = .array(pair.types.map { JSONValue($0) })
      return answer
    }
    return decoded(tokenizer.encode(bytes: bytes, addSpecialTokens: adds, parseSpecial: parses), tokenizer)
  }

  /// The answer about a list of tokens.
  private func decoded(_ ids: [TokenID], _ tokenizer: Tokenizer) -> JSONObject {
    var stream = tokenizer.makeStreamDecoder()
    return [
      "ids": .array(ids.map { JSONValue($0) }), "decoded": .string(tokenizer.decode(ids)),
      "decoded_skip_special": .string(tokenizer.decode(ids, skipSpecial: true)),
      "stream": .array(ids.map { stream.append($0).map { .string($0) } ?? .null }),
    ]
  }
}
