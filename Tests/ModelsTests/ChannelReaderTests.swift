// SPDX-License-Identifier: Apache-2.0
// Answers in channels: what is thought, what is said, and what is called, whole and in pieces of any size.

import Basics
import Models
import Testing

@Suite struct ChannelReaderTests {
  /// An answer and its parts: what is thought in parentheses, calls as `name: arguments`.
  static let cases: [(answer: String, expected: [String])] = [
    (
      "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final<|message|>Four.",
      ["(Easy.)", "Four."]
    ),
    ("<|channel|>final<|message|>Four.<|return|>", ["Four."]),
    ("<|channel|>final<|message|>a <| b <|end", ["a <| b <|end"]),
    (
      "<|channel|>analysis<|message|>I ask.<|end|><|start|>assistant<|channel|>commentary to=functions.weather "
        + "<|constrain|>json<|message|>{\"city\": \"Berlin\"}<|call|>", ["(I ask.)", "weather: {\"city\":\"Berlin\"}"]
    ),
    (" to=functions.now<|channel|>commentary json<|message|>{}<|call|>", ["now: {}"]),
    (" to=functions.now<|channel|>commentary json<|message|>{\"a\": 1", ["now: \"{\\\"a\\\": 1\""]),
    ("<|channel|>commentary<|message|>I will look it up.<|end|><|start|>assistant", ["I will look it up."]),
    ("<|channel|>analysis to=python<|message|>print(1)<|call|>", ["(print(1))"]),
    ("<|channel|>analysis<|message|>cut", ["(cut)"]), ("<|channel|>anal", []), ("", []),
    ("No channels at all.", ["No channels at all."]), ("assist", ["assist"]), ("< 5", ["< 5"]),
  ]

  @Test("thoughts, texts and calls are told apart, however the answer is cut", arguments: cases)
  func read(_ answer: String, _ expected: [String]) {
    for size in [1, 2, 5, 11, 1000] {
      var reader = ChannelReader()
      var (parts, rest) = ([AnswerPart](), Substring(answer))
      while !rest.isEmpty {
        parts += reader.append(String(rest.prefix(size)))
        rest = rest.dropFirst(size)
      }
      #expect(Self.told(parts + reader.finish()) == expected, "pieces of \(size)")
    }
  }

  private static func told(_ parts: [AnswerPart]) -> [String] {
    var joined: [AnswerPart] = []
    for part in parts {
      switch (joined.last, part) {
      case (.text(let one)?, .text(let other)): joined[joined.count - 1] = .text(one + other)
      case (.reasoning(let one)?, .reasoning(let other)): joined[joined.count - 1] = .reasoning(one + other)
      default: joined.append(part)
      }
    }
    return joined.map { part in
      switch part {
      case .text(let text): text
      case .reasoning(let text): "(\(text))"
      case .call(let call): "\(call.name): \(JSONWriter.string(call.arguments))"
      }
    }
  }

  @Test("what cannot be a control token goes on at once") func prompt() {
    var reader = ChannelReader()
    #expect(reader.append("<|channel|>analysis<|message|>Well") == [.reasoning("Well")])
    #expect(reader.append(" a <") == [.reasoning(" a ")])
    #expect(reader.append("b") == [.reasoning("<b")])
  }
}
