// SPDX-License-Identifier: Apache-2.0
// The variables transformers gives a chat template (`render_jinja_template`), so that callers need
// not know its habits.

/// The variables of a conversation.
public struct ChatContext: Sendable, Equatable {
  /// Dictionaries with `role` and `content`.
  public var messages: [Value]
  /// JSON schemas of functions; nil becomes `none`, which templates tell from an empty list.
  public var tools: [Value]?
  /// Dictionaries with `title` and `text`; nil becomes `none`.
  public var documents: [Value]?
  public var addGenerationPrompt: Bool
  /// Other variables: `bos_token`, `eos_token`, `enable_thinking` and whatever a request adds.
  public var others: [Value.Entry]

  public init(
    messages: [Value], tools: [Value]? = nil, documents: [Value]? = nil, addGenerationPrompt: Bool = false,
    others: [Value.Entry] = []
  ) {
    self.messages = messages
    self.tools = tools
    self.documents = documents
    self.addGenerationPrompt = addGenerationPrompt
    self.others = others
  }

  /// The variables in the order transformers passes them. Messages say their reasoning under both
  /// names that templates read.
  public var variables: [Value.Entry] {
    [
      Value.Entry("messages", .list(messages.map(ChatContext.aliasingReasoning))),
      Value.Entry("tools", tools.map { .list($0) } ?? Value.none),
      Value.Entry("documents", documents.map { .list($0) } ?? Value.none),
      Value.Entry("add_generation_prompt", .bool(addGenerationPrompt)),
    ] + others
  }

  /// A message whose reasoning, given as `reasoning_content`, `thinking` or `reasoning`, stands under
  /// `reasoning_content` and, unless it had one, `thinking`.
  public static func aliasingReasoning(_ message: Value) -> Value {
    guard case .dict(var entries) = message else { return message }
    let given = ["reasoning_content", "thinking", "reasoning"].lazy.compactMap { message[$0] }
    guard let reasoning = given.first(where: { $0 != .none }) else { return message }
    if message["thinking"] == nil { entries.insert(Value.Entry("thinking", reasoning), at: 0) }
    if let place = entries.lastIndex(where: { $0.key == "reasoning_content" }) {
      entries[place].value = reasoning
    } else {
      entries.append(Value.Entry("reasoning_content", reasoning))
    }
    return .dict(entries)
  }
}

extension ChatTemplate {
  /// Renders a conversation.
  public func render(_ context: ChatContext, now: TemplateClock) throws(TemplateProblem) -> String {
    try render(context: context.variables, now: now)
  }
}
