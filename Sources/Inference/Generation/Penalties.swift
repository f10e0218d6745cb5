// SPDX-License-Identifier: Apache-2.0
// Logit bias and the three penalties, applied in place to the few logits they concern.

/// Counts of what a sequence has said, and what that does to the next logits.
struct Penalties {
  private let parameters: SamplingParameters
  /// How often a token occurs in the window of the repetition penalty.
  private var seen: [Int32: Int32] = [:]
  /// How often a token was generated.
  private var generated: [Int32: Int32] = [:]
  private let repeats: Bool
  private let counts: Bool

  /// - Parameter prompt: what the repetition penalty sees before the first token.
  init(_ parameters: SamplingParameters, prompt: [Int32]) {
    self.parameters = parameters
    repeats = parameters.repetitionPenalty != 1 && parameters.repetitionWindow != 0
    counts = parameters.frequencyPenalty != 0 || parameters.presencePenalty != 0
    if repeats {
      for token in prompt.suffix(parameters.repetitionWindow ?? prompt.count) { seen[token, default: 0] += 1 }
    }
  }

  /// Whether anything would change.
  var isActive: Bool { repeats || counts || !parameters.logitBias.isEmpty }

  /// Whether what has been said matters.
  var remembers: Bool { repeats || counts }

  /// Counts a generated token, the last of `history` (prompt and answer).
  mutating func record(_ history: [Int32]) {
    guard let token = history.last else { return }
    if counts { generated[token, default: 0] += 1 }
    guard repeats else { return }
    seen[token, default: 0] += 1
    guard let window = parameters.repetitionWindow, history.count > window else { return }
    let leaving = history[history.count - 1 - window]
    if let count = seen[leaving] { seen[leaving] = count > 1 ? count - 1 : nil }
  }

  /// Changes the logits; each changed entry's old value is noted in `changes`.
  func apply(_ logits: UnsafeMutableBufferPointer<Float>, changes: inout [(token: Int32, logit: Float)]) {
    for (token, bias) in parameters.logitBias where logits.indices.contains(Int(token)) {
      changes.append((token, logits[Int(token)]))
      logits[Int(token)] += bias
    }
    if repeats {
      let penalty = parameters.repetitionPenalty
      for token in seen.keys where logits.indices.contains(Int(token)) {
        let logit = logits[Int(token)]
        changes.append((token, logit))
        logits[Int(token)] = logit > 0 ? logit / penalty : logit * penalty
      }
    }
    if counts {
      for (token, count) in generated where logits.indices.contains(Int(token)) {
        changes.append((token, logits[Int(token)]))
        logits[Int(token)] -= Float(count) * parameters.frequencyPenalty + parameters.presencePenalty
      }
    }
  }
}
