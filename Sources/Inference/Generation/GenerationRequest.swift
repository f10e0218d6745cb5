// SPDX-License-Identifier: Apache-2.0
// What is asked of the engine: tokens in, how to go on, when to end.

/// A prompt and how it is to be continued.
public struct GenerationRequest: Sendable {
  /// The prompt as tokens, at least one.
  public var prompt: [Int32]
  public var sampling: SamplingParameters
  /// Most tokens to generate; nil: as many as the context holds. 0 only reads the prompt.
  public var maxTokens: Int?
  /// Texts that end the answer and are not part of it.
  public var stopStrings: [String] = []
  /// Tokens that end the answer and have no text.
  public var endTokens: Set<Int32> = []
  /// Alternatives to report with each token's log probability; nil reports none. 0...20.
  public var scoreCount: Int?
  /// The same for the tokens of the prompt.
  public var promptScoreCount: Int?
  /// Number of this answer among several to the same prompt and seed.
  public var choice: UInt32 = 0
  /// Whether control tokens the model writes are left out of the text.
  public var skipsSpecialTokens = true
  /// Name of the adapter, of those the model was opened with; nil for the model as it is.
  public var adapter: String?
  /// Ends the answer after this time, counted from the submission.
  public var timeLimit: Duration?

  public init(prompt: [Int32], sampling: SamplingParameters = SamplingParameters(), maxTokens: Int? = nil) {
    self.prompt = prompt
    self.sampling = sampling
    self.maxTokens = maxTokens
  }

  /// Most alternatives that are reported.
  public static let scoreLimit = 20

  /// Checks the request against a model.
  /// - Parameters:
  ///   - vocabulary: tokens the model knows.
  ///   - capacity: longest sequence that fits.
  public func validate(vocabulary: Int, capacity: Int) throws(GenerationProblem) {
    try sampling.validate(vocabulary: vocabulary)
    guard !prompt.isEmpty else { throw .emptyPrompt }
    for token in prompt where !(0..<vocabulary).contains(Int(token)) {
      throw .unknownToken(id: Int(token), vocabulary: vocabulary)
    }
    if let maxTokens, maxTokens < 0 {
      throw .outOfRange(parameter: "max_tokens", value: "\(maxTokens)", allowed: "0 or more")
    }
    let room = maxTokens == 0 ? 0 : 1
    guard prompt.count + room <= capacity else {
      throw .promptTooLong(tokens: prompt.count, limit: capacity)
    }
    for count in [scoreCount, promptScoreCount] {
      guard let count else { continue }
      guard (0...Self.scoreLimit).contains(count) else {
        throw .outOfRange(parameter: "logprobs", value: "\(count)", allowed: "0 to \(Self.scoreLimit)")
      }
    }
  }
}
