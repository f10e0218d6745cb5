// SPDX-License-Identifier: Apache-2.0
// An answer put together from its events, for clients that want it whole.

internal import Inference
internal import Models

/// All of one answer.
struct CollectedAnswer: Sendable {
  var text = ""
  /// What the model thought before, where it tells that apart.
  var reasoning = ""
  /// Functions that it calls.
  var calls: [ToolCall] = []
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

  /// Tells the calls in the text, and what is thought, from the rest of it.
  mutating func readCalls(_ tools: ToolReading) {
    var reader = tools.reader()
    let parts = reader.append(text) + reader.finish()
    text = ""
    for part in parts {
      switch part {
      case .text(let piece): text += piece
      case .reasoning(let piece): reasoning += piece
      case .call(let call): if calls.isEmpty || tools.allowsSeveral { calls.append(call) }
      }
    }
  }
}
