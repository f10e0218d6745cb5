// SPDX-License-Identifier: Apache-2.0
// One message of a conversation.

/// Who says what.
public struct ChatMessage: Sendable, Equatable {
  /// Who speaks.
  public enum Role: String, Sendable, CaseIterable {
    case system, developer, user, assistant, tool
  }

  /// Who speaks: system, user, assistant, tool.
  public var role: Role
  public var content: String
  /// A name for the speaker, where the template shows one.
  public var name: String?
  /// An earlier answer's thoughts, apart from its content.
  public var reasoning: String?
  /// Functions that an earlier answer called.
  public var calls: [ToolCall] = []
  /// Of a function's result: the call that it answers.
  public var callID: String?

  public init(_ role: Role, _ content: String, name: String? = nil, reasoning: String? = nil) {
    self.role = role
    self.content = content
    self.name = name
    self.reasoning = reasoning
  }
}
