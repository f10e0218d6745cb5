// SPDX-License-Identifier: Apache-2.0
// Counts and times of a request, summed over its answers.

internal import Basics
internal import Inference

/// `usage`, and `timings` beside it.
struct Usage {
  private var promptTokens = 0
  private var cachedTokens = 0
  private var generatedTokens = 0
  private var draftedTokens = 0
  private var acceptedTokens = 0
  private var first: GenerationStatistics?

  /// Counts an answer.
  /// - Parameter isFirst: whether it is the first to its prompt; prompts count once.
  mutating func add(_ statistics: GenerationStatistics, isFirst: Bool) {
    generatedTokens += statistics.generatedTokens
    draftedTokens += statistics.draftedTokens
    acceptedTokens += statistics.acceptedTokens
    first = first ?? statistics
    guard isFirst else { return }
    promptTokens += statistics.promptTokens
    cachedTokens += statistics.cachedTokens
  }

  /// OpenAI's object.
  var json: JSONValue {
    [
      "prompt_tokens": JSONValue(promptTokens), "completion_tokens": JSONValue(generatedTokens),
      "total_tokens": JSONValue(promptTokens + generatedTokens),
      "prompt_tokens_details": ["cached_tokens": JSONValue(cachedTokens)],
      "completion_tokens_details": [
        "accepted_prediction_tokens": JSONValue(acceptedTokens),
        "rejected_prediction_tokens": JSONValue(draftedTokens - acceptedTokens),
      ],
    ]
  }

  /// Where the time of the first answer went: an addition of this server.
  var timings: JSONValue {
    guard let first else { return .null }
    let number = { (value: Double?) in value.map { JSONValue.number(($0 * 1000).rounded() / 1000) } ?? .null }
    return [
      "queue_ms": number(first.queueTime.seconds * 1000), "prompt_ms": number(first.promptTime.seconds * 1000),
      "first_token_ms": number(first.timeToFirstToken.map { $0.seconds * 1000 }),
      "decode_ms": number(first.decodeTime.seconds * 1000),
      "prompt_tokens_per_second": number(first.promptTokensPerSecond),
      "decode_tokens_per_second": number(first.decodeTokensPerSecond),
    ]
  }
}
