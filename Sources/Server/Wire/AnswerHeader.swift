// SPDX-License-Identifier: Apache-2.0
// The fields that every object of an answer begins with.

internal import Basics
internal import Glibc
internal import Inference

/// Who answers, and when.
struct AnswerHeader: Sendable {
  let id: String
  let created: Int
  let model: String

  /// A new answer.
  /// - Parameter prefix: `chatcmpl` or `cmpl`.
  init(prefix: String, model: String) {
    id = "\(prefix)-\(Self.letters(24))"
    created = time(nil)
    self.model = model
  }

  /// The object with these fields and its own.
  func object(_ kind: String, choices: [JSONValue]) -> JSONObject {
    [
      "id": .string(id), "object": .string(kind), "created": JSONValue(created), "model": .string(model),
      "choices": .array(choices), "system_fingerprint": .string("impetus-\(Program.version)"),
    ]
  }

  /// Random letters and digits.
  static func letters(_ count: Int) -> String {
    let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] })
  }
}

extension FinishReason {
  /// `finish_reason`; nil for ends that are errors. `timeout` only ends requests with `timeout_ms`.
  var wireName: String? {
    switch self {
    case .stop: "stop"
    case .length: "length"
    case .timeout: "timeout"
    case .cancelled, .failed: nil
    }
  }

  /// The error a client is told when an answer ended in one.
  var apiError: APIError? {
    switch self {
    case .stop, .length, .timeout: nil
    case .cancelled: .draining
    case .failed(let problem): APIError(problem)
    }
  }
}
