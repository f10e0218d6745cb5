// SPDX-License-Identifier: Apache-2.0
// Answers in parts: what is said, what is thought, and the functions called.

/// What an answer is made of.
public enum AnswerPart: Sendable, Equatable {
  case text(String)
  /// What the model thinks before it answers.
  case reasoning(String)
  case call(ToolCall)
}

/// Reads one answer while it is being written.
public enum AnswerReader: Sendable {
  case calls(ToolCallReader)
  case channels(ChannelReader)

  /// Takes text.
  public mutating func append(_ text: String) -> [AnswerPart] {
    switch self {
    case .calls(var reader):
      defer { self = .calls(reader) }
      return reader.append(text)
    case .channels(var reader):
      defer { self = .channels(reader) }
      return reader.append(text)
    }
  }

  /// The rest, when the answer has ended.
  public mutating func finish() -> [AnswerPart] {
    switch self {
    case .calls(var reader):
      defer { self = .calls(reader) }
      return reader.finish()
    case .channels(var reader):
      defer { self = .channels(reader) }
      return reader.finish()
    }
  }
}
