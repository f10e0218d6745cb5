// SPDX-License-Identifier: Apache-2.0
// What the engine says while it answers: one `started`, pieces, one `finished`.

/// A step of an answer.
public enum GenerationEvent: Sendable {
  /// The request left the queue; `cachedTokens` of its prompt need no reading.
  case started(promptTokens: Int, cachedTokens: Int)
  /// Scores of the prompt's tokens, the first of which has none; only when asked for.
  case promptScores([ScoredToken?])
  /// Text that is certain to be part of the answer.
  case piece(GeneratedPiece)
  /// The last event; held text came in a piece before it.
  case finished(FinishReason, GenerationStatistics)
}

/// Some text and the tokens it ends; several when their text was held back.
public struct GeneratedPiece: Sendable, Equatable {
  /// Whole characters; may be empty, for tokens that have no text of their own.
  public var text: String
  public var tokens: [GeneratedToken]
}

/// A token of an answer.
public struct GeneratedToken: Sendable, Equatable {
  public var token: Int32
  /// Where its text begins in the answer, in UTF-8 bytes.
  public var textOffset: Int
  /// Present when scores were asked for.
  public var score: ScoredToken?
}

/// Why an answer ended.
public enum FinishReason: Sendable, Equatable {
  /// The model ended it, or the named stop string did.
  case stop(String?)
  /// The token limit or the context's end was reached.
  case length
  /// Nobody listens any more, or the session was closed.
  case cancelled
  /// The time limit was reached.
  case timeout
  /// The engine failed.
  case failed(GenerationProblem)
}

/// Counts and times of one answer.
public struct GenerationStatistics: Sendable, Equatable {
  public var promptTokens = 0
  /// Tokens of the prompt whose keys and values were there already.
  public var cachedTokens = 0
  /// Sampled tokens, the one that ended the answer among them.
  public var generatedTokens = 0
  /// Tokens that were guessed ahead and verified, and how many of them were right.
  public var draftedTokens = 0
  public var acceptedTokens = 0
  /// From the submission to the first work on the request.
  public var queueTime = Duration.zero
  /// From the submission to the first token; nil when there was none.
  public var timeToFirstToken: Duration?
  /// From the first work to the first token.
  public var promptTime = Duration.zero
  /// From the first token to the last.
  public var decodeTime = Duration.zero

  public init() {}

  /// Prompt tokens read a second, cached ones not counted; nil when nothing was read.
  public var promptTokensPerSecond: Double? {
    Self.rate(promptTokens - cachedTokens, promptTime)
  }

  /// Tokens generated a second after the first; nil for fewer than two.
  public var decodeTokensPerSecond: Double? { Self.rate(generatedTokens - 1, decodeTime) }

  private static func rate(_ count: Int, _ time: Duration) -> Double? {
    count > 0 && time > .zero ? Double(count) / time.seconds : nil
  }
}

extension Duration {
  /// The whole as seconds.
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
