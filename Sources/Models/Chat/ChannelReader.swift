// SPDX-License-Identifier: Apache-2.0
// Answers in channels, as gpt-oss writes them: messages with a head each, of which one is thought, one is for the person and
// one may call a function. The format is OpenAI's "harmony":
//
//   <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…
//   <|start|>assistant to=functions.NAME<|channel|>commentary json<|message|>{…}<|call|>

internal import Basics

/// Reads one answer, from behind `<|start|>assistant`, its control tokens shown.
public struct ChannelReader: Sendable {
  private enum State {
    case head
    case text, thought
    /// The arguments of a call of this function.
    case call(String)
  }

  private static let message = "<|message|>"
  /// What ends a message; the second begins the next one without an end.
  private static let endings = ["<|end|>", "<|start|>", "<|call|>", "<|return|>"]
  private static let longestEnding = "<|return|>".utf8.count

  private var state = State.head
  private var held = ""
  /// Bytes of what is held that hold no ending.
  private var searched = 0

  public init() {}

  /// Takes text.
  public mutating func append(_ text: String) -> [AnswerPart] {
    held += text
    var parts: [AnswerPart] = []
    while step(&parts) {}
    return parts
  }

  /// The rest, when the answer has ended.
  public mutating func finish() -> [AnswerPart] {
    var parts: [AnswerPart] = []
    // A head without its message is all that an answer without channels consists of.
    if case .head = state, !held.isEmpty, !Self.isHead(held) { state = .text }
    end(held, &parts)
    held = ""
    return parts
  }

  /// Looks at what is held; false when more is needed.
  private mutating func step(_ parts: inout [AnswerPart]) -> Bool {
    if case .head = state {
      guard let range = held.firstRange(of: Self.message) else {
        guard !held.isEmpty, !Self.mayBeHead(held) else { return false }
        state = .text
        return true
      }
      state = Self.state(head: held[..<range.lowerBound])
      held = String(held[range.upperBound...])
      return true
    }
    let ends = Self.endings.compactMap { held.range(of: $0, from: searched) }
    if let range = ends.min(by: { $0.lowerBound < $1.lowerBound }) {
      let body = String(held[..<range.lowerBound])
      held = String(held[range.upperBound...])
      searched = 0
      end(body, &parts)
      state = .head
      return true
    }
    if case .call = state {
      searched = max(0, held.utf8.count - Self.longestEnding)
      return false
    }
    // An ending is a token: it comes whole, and nothing of it is held back for longer than that.
    let kept = Self.endings.map { held.commonEnd(withBeginningOf: $0) }.max() ?? 0
    show(String(held.dropLast(kept)), &parts)
    held = String(held.suffix(kept))
    return false
  }

  private mutating func end(_ body: String, _ parts: inout [AnswerPart]) {
    guard case .call(let name) = state else { return show(body, &parts) }
    let arguments = try? JSONReader.parse(Array(body.utf8), limits: .lastKeyWins)
    parts.append(.call(ToolCall(name: name, arguments: arguments ?? .string(body))))
  }

  private func show(_ text: String, _ parts: inout [AnswerPart]) {
    guard !text.isEmpty else { return }
    switch state {
    case .text: parts.append(.text(text))
    case .thought: parts.append(.reasoning(text))
    case .head, .call: break
    }
  }

  /// What a message with this head is. `commentary` without a recipient is for the person.
  private static func state(head: Substring) -> State {
    let words = head.split { $0.isWhitespace || $0 == "<" || $0 == "|" || $0 == ">" }
    if let recipient = words.first(where: { $0.hasPrefix("to=") }) {
      let name = String(recipient.dropFirst(recipient.hasPrefix("to=functions.") ? 13 : 3))
      // Tools of the model's own are not there: what it says to them is thought.
      return ToolCall.isName(name) && recipient.hasPrefix("to=functions.") ? .call(name) : .thought
    }
    return words.contains("analysis") ? .thought : .text
  }

  /// Whether a text begins as heads do, as far as it goes.
  private static func mayBeHead(_ text: String) -> Bool {
    ["<|start|>", "<|channel|>", "<|constrain|>", "assistant", " to="].contains {
      $0.hasPrefix(text) || text.hasPrefix($0)
    } && text.utf8.count < 512
  }

  private static func isHead(_ text: String) -> Bool { text.contains("<|") || text.hasPrefix(" to=") }
}
