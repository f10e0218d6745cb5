// SPDX-License-Identifier: Apache-2.0
// Continuous batching: which requests run, and what each step computes. Runs on the engine thread.
//
// Every step first takes the next token of each answer under way, then as much of the waiting prompts as
// its time budget allows. When the cache runs out, idle prefixes go first; then the request that came
// last gives up its pages and reads its text again later. A step's results do not depend on what else is
// in it (the kernels promise it), so neither batching, caching nor preemption changes anybody's text.

internal import Basics
internal import Models
internal import Tokenizers

/// The batch and what surrounds it.
struct Scheduler: ~Copyable {
  var forward: Forward
  private var batch: StepBatch
  private var workspace: SamplerWorkspace
  let tokenizer: Tokenizer
  let inbox: Inbox
  let options: Session.Options
  let capacity: Int
  let reusesPrefixes: Bool
  var active: [ActiveSequence] = []
  var idle = IdleSequences()
  private var pace = ReadingPace()
  /// What the step being made computes of a text.
  private struct Part {
    /// Place in `active`.
    var place: Int
    /// Tokens of the text.
    var count: Int
    /// Guesses that follow them.
    var draft: [Int32] = []
    var isModels = false
    /// An answer's next token, not a prompt's.
    var isDecoding = false
  }

  private var plan: [Part] = []
  private var times = StepTimes()
  var draftModel: DraftModel?
  /// Steps since the draft model was last asked.
  private var stepsWithoutDraft = 0

  /// Tokens whose logits are computed together when a prompt is scored.
  private static let scoredChunk = 32

  init(
    _ forward: consuming Forward, tokenizer: Tokenizer, inbox: Inbox, options: Session.Options, capacity: Int,
    draft: Draft? = nil
  ) throws(InferenceProblem) {
    let architecture = forward.model.architecture
    batch = StepBatch(tokenCapacity: forward.stepTokens, entryCapacity: options.running)
    var small: DraftModel?
    if let draft { small = try DraftModel(draft, for: forward) }
    draftModel = small
    workspace = SamplerWorkspace(vocabulary: architecture.vocabularySize)
    // Where rope frequencies depend on the final length, an old beginning may not fit a new text.
    reusesPrefixes = options.reusesPrefixes && architecture.ropes.allSatisfy { $0.switchLength == nil }
    self.forward = forward
    self.tokenizer = tokenizer
    self.inbox = inbox
    self.options = options
    self.capacity = capacity
    report()
  }

  /// Works until the session is closed.
  mutating func run() {
    while !inbox.isClosed {
      interrupt()
      admit()
      if active.isEmpty {
        report()
        inbox.wait()
      } else {
        step()
      }
    }
    for place in active.indices { active[place].finish(.cancelled) }
    active = []
  }

  // MARK: A step

  private mutating func step() {
    reopen()
    compose()
    let begin = ContinuousClock.now
    do {
      try forward.step(&batch)
    } catch {
      recover(error)
      return
    }
    let now = ContinuousClock.now
    let read = plan.reduce(0) { $0 + (active[$1.place].isDecoding ? 0 : $1.count) }
    pace.learn(tokens: read, of: batch.tokenCount, seconds: (now - begin).seconds)
    if read == 0 { times.learn(tokens: batch.tokenCount, seconds: (now - begin).seconds) }
    let isMixed = read > 0 && read < batch.tokenCount
    deliver(now)
    report(steps: 1, mixed: isMixed ? 1 : 0)
  }

  /// Hands a text what it has from another, once that one has been read.
  /// - Returns: whether the text need not wait any longer.
  private mutating func begin(_ place: Int) -> Bool {
    guard let beginning = active[place].beginning, let sequence = active[place].sequence else { return true }
    let leader = active.first { ObjectIdentifier($0.ticket) == beginning.leader }
    if let leader, let donor = leader.sequence {
      guard leader.cached >= beginning.shared else { return false }
      active[place].receive(forward.share(beginning.shared, of: donor, with: sequence))
    } else if let old = idle.best(for: active[place].tokens, adapter: adapter(of: active[place].ticket)) {
      // The other has ended.
      active[place].receive(forward.share(old.shared, of: old.sequence, with: sequence))
    } else {
      active[place].beginning = nil
    }
    return true
  }

  /// Fills the batch: the answers' next tokens, with guesses behind them, then prompts in order of arrival.
  private mutating func compose() {
    batch.removeAll()
    plan.removeAll(keepingCapacity: true)
    for place in active.indices where active[place].isDecoding && plan.count < options.running {
      plan.append(Part(place: place, count: 1, isDecoding: true))
    }
    // A prompt that is read makes the step long, and guesses cost what they bring.
    if options.speculation != .off, active.allSatisfy({ $0.isDecoding && $0.sequence != nil }) { draft() }
    for part in plan { add(part) }
    var left = pace.tokens(sharing: !plan.isEmpty, limit: forward.stepTokens - batch.tokenCount)
    for place in active.indices where left > 0 && !active[place].isDecoding && active[place].sequence != nil {
      guard begin(place) else { continue }
      var count = min(active[place].missing, left)
      if active[place].wantsPromptScores { count = min(count, Self.scoredChunk) }
      guard plan.count < options.running else { break }
      plan.append(Part(place: place, count: count))
      add(plan[plan.count - 1])
      left -= count
    }
  }

  private mutating func add(_ part: Part) {
    guard let sequence = active[part.place].sequence else { return }
    let start = active[part.place].cached
    let tokens = active[part.place].tokens[start..<start + part.count]
    let isLast = start + part.count == active[part.place].tokens.count
    if part.draft.isEmpty {
      batch.add(
        sequence, tokens: tokens, wanted: active[part.place].wantsPromptScores ? .all : isLast ? .last : .none)
    } else {
      batch.add(sequence, tokens: tokens + part.draft, wanted: .all)
    }
  }

  /// Adds guesses to the parts of the plan, all of which decode, as far as they pay.
  private mutating func draft() {
    // Guesses must not push anybody out of the cache.
    guard forward.freeTokens >= active.count * (CacheLayout.pageTokens + Drafting.longestGuess) else { return }
    let rooms = plan.map { part in
      active[part.place].sequence.map { min(forward.draftRoom(of: $0), active[part.place].tokensLeft - 1) } ?? 0
    }
    var chances = plan.indices.map {
      active[plan[$0].place].guess(limit: max(0, min(rooms[$0], Drafting.longestGuess)))
    }
    draftByModel(&chances, rooms)
    let base = plan.reduce(0) { $0 + 1 + $1.draft.count }
    var lengths = Drafting.lengths(
      chances, base: base, expected: Double(base), times: times, limit: forward.stepTokens)
    if options.speculation == .always { lengths = chances.map { min($0.count, forward.stepTokens / plan.count - 1) } }
    for index in plan.indices where lengths[index] > 0 {
      plan[index].draft = active[plan[index].place].guessed(lengths[index])
    }
  }

  /// Lets the draft model write for those texts whose own past suggests nothing better.
  private mutating func draftByModel(_ chances: inout [[Double]], _ rooms: [Int]) {
    guard draftModel != nil else { return }
    let chosen = plan.indices.filter { rooms[$0] > 0 && (chances[$0].first ?? 0) <= active[plan[$0].place].odds.model }
    var length = 0
    if let times = draftModel?.times {
      length = Drafting.modelLength(
        chosen.map { active[plan[$0].place].odds.model }, base: plan.count, times: self.times, draft: times,
        limit: forward.stepTokens)
    }
    if options.speculation == .always { length = min(Drafting.longestDraft, forward.stepTokens / plan.count - 1) }
    // Odds that fell would stay low for ever if nothing was tried.
    stepsWithoutDraft = length == 0 ? stepsWithoutDraft + 1 : 0
    if stepsWithoutDraft >= Self.patience { (length, stepsWithoutDraft) = (1, 0) }
    guard length > 0 else { return }
    let drafts = draftModel?.write(length, chosen.map { plan[$0].place }, of: &active, workspace: &workspace) ?? []
    for (index, draft) in zip(chosen, drafts) where !draft.isEmpty {
      plan[index].draft = Array(draft.prefix(rooms[index]))
      plan[index].isModels = true
      chances[index] = []
    }
  }

  /// Steps after which a draft model is tried again.
  private static let patience = 48

  /// Samples where logits were computed, and lets finished answers go.
  private mutating func deliver(_ now: ContinuousClock.Instant) {
    var ended: [(place: Int, reason: FinishReason)] = []
    let vocabulary = forward.model.architecture.vocabularySize
    var (drafted, accepted) = (0, 0)
    for (entry, part) in plan.enumerated() {
      let logits = batch.logits(ofEntry: entry)
      let place = part.place
      var reason: FinishReason?
      if part.isDecoding {
        let before = active[place].statistics.acceptedTokens
        reason = active[place].verify(
          part.draft, isModels: part.isModels, logits, vocabulary: vocabulary, workspace: &workspace, now: now)
        drafted += part.draft.count
        accepted += active[place].statistics.acceptedTokens - before
        // What was guessed wrong leaves the cache.
        if !part.draft.isEmpty, let sequence = active[place].sequence {
          forward.truncate(sequence, to: active[place].cached)
        }
      } else {
        if active[place].wantsPromptScores {
          active[place].scorePrompt(first: active[place].cached, logits, vocabulary: vocabulary, workspace: workspace)
        }
        active[place].cached += part.count
        guard active[place].missing == 0, logits.count >= vocabulary else { continue }
        let last = UnsafeMutableBufferPointer(rebasing: logits[(logits.count - vocabulary)...])
        reason = active[place].advance(last, workspace: &workspace, now: now)
      }
      if let reason { ended.append((place, reason)) }
    }
    if drafted > 0 {
      inbox.report {
        $0.draftedTokens += drafted
        $0.acceptedTokens += accepted
      }
    }
    for item in ended.sorted(by: { $0.place > $1.place }) { end(item.place, item.reason) }
  }

  /// After a step that failed, in which no sequence has changed.
  private mutating func recover(_ problem: InferenceProblem) {
    if case .cacheFull = problem {
      if let sequence = idle.evict() {
        forward.release(sequence)
        return
      }
      if active.count(where: { $0.sequence != nil }) > 1,
        let last = active.indices.last(where: { active[$0].sequence != nil })
      {
        if let sequence = active[last].preempt() { forward.release(sequence) }
        inbox.report { $0.preemptions += 1 }
        return
      }
    }
    for item in plan.sorted(by: { $0.place > $1.place }) { end(item.place, .failed(.engine(problem))) }
  }

  private func report(steps: Int = 0, mixed: Int = 0) {
    let running = active.count
    let free = forward.freeTokens
    let sequences = idle.count
    inbox.report {
      $0.running = running
      $0.freeCacheTokens = free
      $0.cacheTokens = max($0.cacheTokens, free)
      $0.idleSequences = sequences
      $0.steps += steps
      $0.mixedSteps += mixed
    }
  }
}
