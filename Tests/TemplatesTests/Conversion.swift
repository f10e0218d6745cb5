// SPDX-License-Identifier: Apache-2.0
// JSON documents as template values.

import Basics
import Templates

extension Value {
  /// A JSON document as a template sees it.
  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .int(Int(value))
    case .wideInteger(let digits): self = .wideInteger(digits)
    case .number(let value): self = .double(value)
    case .string(let value): self = .string(value)
    case .array(let values): self = .list(values.map(Value.init))
    case .object(let object): self = .dict(object.map { Entry($0.key, Value($0.value)) })
    }
  }
}

extension ChatContext {
  /// The context of a vector: the variables transformers knows, and any others.
  init(_ json: JSONValue) {
    var others: [Value.Entry] = []
    let known: Set<String> = ["messages", "tools", "documents", "add_generation_prompt"]
    for (key, value) in json.objectValue ?? JSONObject([]) where !known.contains(key) {
      others.append(Value.Entry(key, Value(value)))
    }
    self.init(
      messages: json["messages"]?.arrayValue?.map(Value.init) ?? [],
      tools: json["tools"]?.arrayValue?.map(Value.init),
      documents: json["documents"]?.arrayValue?.map(Value.init),
      addGenerationPrompt: json["add_generation_prompt"]?.boolValue ?? false, others: others)
  }
}
