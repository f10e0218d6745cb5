// SPDX-License-Identifier: Apache-2.0
// `impetus debug forward` with an encoder: token lists in, states and pooled vectors out, for comparison with a reference.

public import Basics
import Models

/// Answers the lines of `debug forward` with one encoder.
public struct DebugEncode: ~Copyable {
  private var forward: EncoderForward

  /// Makes the answering side of an encoder.
  public init(_ model: EncoderModel) throws(InferenceProblem) { forward = try EncoderForward(model) }

  /// Answers `{"tokens": [...], "token_type_ids": [...]}` with `last_hidden_state_first`, `last_hidden_state_last`,
  /// `mean_pooled`, `cls_normalized`, `embedding` (as the model's files pool) and, if the model has a pooler, `pooler_output`.
  /// - Throws: `InferenceProblem` for tokens that are none, or more than fit.
  public mutating func answer(_ question: JSONValue) throws(InferenceProblem) -> JSONValue {
    let text = EncoderText(
      tokens: try Self.numbers(question["tokens"], "tokens"),
      types: try question["token_type_ids"].map { types throws(InferenceProblem) in
        types.isNull ? [] : try Self.numbers(types, "token_type_ids")
      } ?? [])
    let states = try forward.encode([text])
    let width = forward.model.architecture.hiddenSize
    guard let base = states.baseAddress else { return .null }
    let rows = UnsafeBufferPointer(states)
    func list(_ values: some Sequence<Float>) -> JSONValue { .array(values.map { .number(Double($0)) }) }
    var answer: JSONObject = [
      "last_hidden_state_first": list(rows[..<width]),
      "last_hidden_state_last": list(rows[(rows.count - width)...]),
      "mean_pooled": list(Pooling.standard.vector(of: rows, width: width)),
      "cls_normalized": list(Pooling.normalized(Array(rows[..<width]))),
      "embedding": list(forward.model.snapshot.pooling.vector(of: rows, width: width)),
    ]
    if let pooled = forward.pooled(base) { answer["pooler_output"] = list(pooled) }
    return .object(answer)
  }

  private static func numbers(_ value: JSONValue?, _ name: String) throws(InferenceProblem) -> [Int32] {
    guard let items = value?.arrayValue else {
      throw .invalidOption(name: name, value: 0, allowed: "a list of numbers")
    }
    var numbers: [Int32] = []
    for item in items {
      guard let number = item.intValue, let small = Int32(exactly: number) else {
        throw .invalidOption(name: name, value: item.intValue ?? -1, allowed: "32-bit integers")
      }
      numbers.append(small)
    }
    return numbers
  }
}
