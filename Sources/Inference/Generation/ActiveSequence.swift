// SPDX-License-Identifier: Apache-2.0
// A request in the batch: its tokens so far, how many of them the cache holds, and its text.

internal import Tokenizers

/// One answer under way; belongs to the engine thread.
struct ActiveSequence {
  let ticket: Ticket
  /// Prompt and answer.
  private(set) var tokens: [Int32]
  /// The keys and values; nil while preempted.
  var sequence: SequenceID?
  /// Tokens whose keys and values are cached, or are computed by the step being made.
  var cached = 0
  /// What is still to come from another text; nothing is computed until then.
  var beginning: Beginning?
  /// What the request's draws depend on; a draft model draws with a copy of it.
  private(set) var sampler: Sampler
  /// Guesses at what comes next, made from the text itself.
  private var lookup = PromptLookup()
  private var match: PromptLookup.Match?
  /// How often guesses were right.
  private(set) var odds = DraftOdds()
  /// The draft model's keys and values of this text, and how many of its tokens they hold.
  var draftSequence: SequenceID?
  var draftCached = 0
  private var text: TextAssembly
  private(set) var statistics = GenerationStatistics()
  private let tokenLimit: Int
  private let started: ContinuousClock.Instant
  private var firstToken: ContinuousClock.Instant?
  private var promptScores: [ScoredToken?] = []

  /// - Parameters:
  ///   - capacity: tokens the sequence may have at most.
  ///   - cached: tokens of the prompt that `sequence` already holds.
  ///   - beginning: tokens that it will have from another text.
  init(
    _ ticket: Ticket, sequence: SequenceID, cached: Int, beginning: Beginning?, capacity: Int, tokenizer: Tokenizer
  ) {
    let request = ticket.request
    self.ticket = ticket
    self.sequence = sequence
    self.cached = cached
    self.beginning = beginning
    tokens = request.prompt
    let room = capacity - request.prompt.count
    tokenLimit = min(request.maxTokens ?? room, room)
    sampler = Sampler(
      request.sampling, seed: ticket.seed, choice: request.choice, scoreCount: request.scoreCount,
      prompt: request.prompt)
    text = TextAssembly(
      tokenizer, stopStrings: request.stopStrings, skipsSpecialTokens: request.skipsSpecialTokens)
    started = ContinuousClock.now
    statistics.promptTokens = request.prompt.count
    statistics.cachedTokens = cached
    statistics.queueTime = started - ticket.submitted
    ticket.say(.started(promptTokens: request.prompt.count, cachedTokens: foreseen))
    guard request.promptScoreCount != nil else { return }
    promptScores.append(nil)
    if request.prompt.count == 1 { ticket.say(.promptScores(promptScores)) }
  }

  /// Tokens whose keys and values are cached or come from another text.
  var foreseen: Int { max(cached, beginning?.shared ?? 0) }

  /// Tokens that are to be computed before the next one can be chosen.
  var missing: Int { tokens.count - cached }

  /// Whether only the last token is to be computed.
  var isDecoding: Bool { missing == 1 && statistics.generatedTokens > 0 }

  /// Tokens that may still be generated.
  var tokensLeft: Int { tokenLimit - statistics.generatedTokens }

  /// Whether logits of all positions are needed: the prompt is scored and not yet read.
  var wantsPromptScores: Bool {
    ticket.request.promptScoreCount != nil && promptScores.count < ticket.request.prompt.count
  }

  /// Gives the cache up; everything is read again later.
  mutating func preempt() -> SequenceID? {
    defer { (sequence, cached, beginning) = (nil, 0, nil) }
    return sequence
  }

  /// Counts the tokens that came from another text.
  mutating func receive(_ count: Int) {
    if statistics.generatedTokens == 0 { statistics.cachedTokens = count }
    (cached, beginning) = (count, nil)
  }

  /// Takes the scores of the prompt's tokens that follow positions [first, first + rows).
  mutating func scorePrompt(
    first: Int, _ logits: UnsafeMutableBufferPointer<Float>, vocabulary: Int, workspace: SamplerWorkspace
  ) {
    let count = ticket.request.promptScoreCount ?? 0
    for row in 0..<logits.count / vocabulary {
      let next = first + row + 1
      // After a preemption positions come by a second time.
      guard next == promptScores.count, next < ticket.request.prompt.count else { continue }
      let line = UnsafeMutableBufferPointer(rebasing: logits[row * vocabulary..<(row + 1) * vocabulary])
      let token = tokens[next]
      promptScores.append(
        Scores(line, count: count, isa: workspace.isa).of(token, logit: line[Int(token)]))
    }
    if promptScores.count == ticket.request.prompt.count { ticket.say(.promptScores(promptScores)) }
  }

  /// Chooses the next token from the last position's logits and says what it leads to.
  /// - Returns: why the answer ends with it, if it does.
  mutating func advance(
    _ logits: UnsafeMutableBufferPointer<Float>, workspace: inout SamplerWorkspace, now: ContinuousClock.Instant
  ) -> FinishReason? {
    guard tokenLimit > 0 else { return .length }
    let (token, score) = sampler.next(logits, workspace: &workspace)
    tokens.append(token)
    sampler.record(tokens)
    statistics.generatedTokens += 1
    if let firstToken {
      statistics.decodeTime = now - firstToken
    } else {
      firstToken = now
      statistics.promptTime = now - started
      statistics.timeToFirstToken = now - ticket.submitted
    }
    if ticket.request.endTokens.contains(token) { return .stop(nil) }
    let (piece, stop) = text.push(token, score: score)
    if let piece { ticket.say(.piece(piece)) }
    if let stop { return .stop(stop) }
    return statistics.generatedTokens >= tokenLimit ? .length : nil
  }

  // MARK: Guesses

  /// Looks for an earlier place that ends as the text does.
  /// - Returns: the chance of each token that would follow, given that those before it are right.
  mutating func guess(limit: Int) -> [Double] {
    match = lookup.match(tokens)
    guard let match, limit > 0 else { return [] }
    return (0..<limit).map { odds.afterMatch(match.length + $0) }
  }

  /// The first tokens of the guess.
  func guessed(_ count: Int) -> [Int32] {
    guard let match else { return [] }
    return PromptLookup.continuation(of: match, in: tokens, count: count)
  }

  /// Chooses tokens by the logits after the last token and after each of a draft's, as long as the draft is right.
  ///
  /// Each position's logits and draws are those it would have alone, so the text is the one that decoding token by
  /// token gives.
  /// - Parameters:
  ///   - logits: rows of the last token and of the draft's.
  ///   - isModels: whether the draft is a model's.
  /// - Returns: why the answer ends, if it does.
  mutating func verify(
    _ draft: [Int32], isModels: Bool, _ logits: UnsafeMutableBufferPointer<Float>, vocabulary: Int,
    workspace: inout SamplerWorkspace, now: ContinuousClock.Instant
  ) -> FinishReason? {
    // What the text itself suggests is compared also when it was not drafted.
    let expected = draft.isEmpty || isModels ? guessed(1) : draft
    defer {
      match = nil
      draftCached = min(draftCached, cached)
    }
    statistics.draftedTokens += draft.count
    for row in 0...draft.count {
      cached += 1
      let line = UnsafeMutableBufferPointer(rebasing: logits[row * vocabulary..<(row + 1) * vocabulary])
      let reason = advance(line, workspace: &workspace, now: now)
      let token = tokens[tokens.count - 1]
      if row < expected.count, let match { odds.learn(match: match.length + row, isRight: token == expected[row]) }
      let isRight = row < draft.count && token == draft[row]
      if isModels, row < draft.count { odds.learn(modelIsRight: isRight) }
      if isRight { statistics.acceptedTokens += 1 }
      if reason != nil || !isRight { return reason }
    }
    return nil
  }

  /// Says what was held back, and the end.
  mutating func finish(_ reason: FinishReason) {
    if case .stop(.some) = reason {} else if let piece = text.finish() { ticket.say(.piece(piece)) }
    ticket.finish(reason, statistics)
  }
}
