// SPDX-License-Identifier: Apache-2.0
// An answer put together from its events, for clients that want it whole.

internal import Inference

/// All of one answer.
struct CollectedAnswer: Sendable {
  var text = ""
  var tokens: [GeneratedToken] = []
  var promptScores: [ScoredToken?]?
  var reason = FinishReason.cancelled
  var statistics = GenerationStatistics()

  /// Takes an event.
  mutating func take(_ event: GenerationEvent) {
    switch event {
    case .started: break
    case .promptScores(let scores): promptScores = scores
    case .piece(let piece):
      text += piece.text
      tokens += piece.tokens
    case .finished(let reason, let statistics):
      self.reason = reason
      self.statistics = statistics
    }
  }
}
