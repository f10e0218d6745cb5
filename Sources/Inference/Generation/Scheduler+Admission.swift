// SPDX-License-Identifier: Apache-2.0
// Who is in the batch: requests come in when their text fits, give their pages up when it no longer does, and end.

extension Scheduler {
  /// Ends requests that were cancelled or are out of time, in the queue and in the batch.
  mutating func interrupt() {
    let now = ContinuousClock.now
    for ticket in inbox.take(where: { $0.interruption(at: now) != nil }) {
      var statistics = GenerationStatistics()
      statistics.promptTokens = ticket.request.prompt.count
      ticket.finish(ticket.interruption(at: now) ?? .cancelled, statistics)
    }
    for place in active.indices.reversed() {
      if let reason = active[place].ticket.interruption(at: now) { end(place, reason) }
    }
  }

  /// Lets requests in, in order, while there are pages for their prompts.
  mutating func admit() {
    while active.count < options.running, let ticket = inbox.first {
      // Preempted requests come back before new ones come in.
      guard active.allSatisfy({ $0.sequence != nil }) else { return }
      let prompt = ticket.request.prompt
      let adapter = self.adapter(of: ticket)
      let old = reuses(ticket) ? idle.best(for: prompt, adapter: adapter) : nil
      let beginning =
        reuses(ticket) ? self.beginning(of: prompt, adapter, before: active.endIndex, known: old?.shared ?? 0) : nil
      let found = beginning == nil ? old.map { revive($0, adapter) } : nil
      let needed = prompt.count - (beginning?.shared ?? found?.shared ?? 0) + growth
      makeRoom(needed)
      let fits = unclaimedTokens >= needed
      guard fits || active.isEmpty, let sequence = found?.sequence ?? open(prompt.count, adapter) else {
        if let found { idle.keep(found.sequence, tokens: prompt[..<found.shared], adapter: adapter) }
        guard active.isEmpty else { return }
        // Nobody is left to give way: waiting longer would not help.
        inbox.removeFirst()
        ticket.finish(.failed(.engine(.tooManySequences(limit: 0))), GenerationStatistics())
        continue
      }
      inbox.removeFirst()
      active.append(
        ActiveSequence(
          ticket, sequence: sequence, cached: found?.shared ?? 0, beginning: beginning, capacity: capacity,
          tokenizer: tokenizer))
    }
  }

  /// Whether a request may begin with keys and values of others: not if all of its logits are asked for.
  private func reuses(_ ticket: Ticket) -> Bool { reusesPrefixes && ticket.request.promptScoreCount == nil }

  /// What a text can have from those before a place in the batch.
  func beginning(of text: [Int32], _ adapter: Int?, before place: Int, known: Int) -> Beginning? {
    guard forward.canTruncate else { return nil }
    return Beginning.longest(of: text, among: active[..<place], known: known) { self.adapter(of: $0.ticket) == adapter }
  }

  /// A sequence with what a text shares with a finished one: that one itself, or another in the same pages if it would
  /// lose much.
  private mutating func revive(_ match: IdleSequences.Match, _ adapter: Int?) -> (sequence: SequenceID, shared: Int) {
    if match.rest > CacheLayout.pageTokens, forward.canTruncate,
      let sequence = try? forward.makeSequence(adapter: adapter)
    {
      idle.touch(match.sequence)
      return (sequence, forward.share(match.shared, of: match.sequence, with: sequence))
    }
    idle.take(match.sequence)
    return (match.sequence, forward.truncate(match.sequence, to: match.shared))
  }

  /// Room to leave when a request comes in, so that it is not sent back a few steps later.
  private var growth: Int { 32 * (active.count + 1) }

  /// Tokens that fit beside what running requests have still to read.
  ///
  /// Without their claims a request that was sent back would return before it fits, and be sent back for ever.
  private var unclaimedTokens: Int {
    active.reduce(forward.freeTokens) { free, one in
      one.sequence == nil ? free : free - forward.pageTokens(from: one.foreseen, to: one.tokens.count)
    }
  }

  /// Gives idle prefixes up until this many tokens fit.
  private mutating func makeRoom(_ tokens: Int) {
    while unclaimedTokens < tokens, let sequence = idle.evict() { forward.release(sequence) }
  }

  /// Place of the adapter that a request asks for.
  func adapter(of ticket: Ticket) -> Int? {
    guard let name = ticket.request.adapter else { return nil }
    return forward.adapters?.names.firstIndex(of: name)
  }

  /// An empty sequence, an idle one making place for it if need be.
  private mutating func open(_ expectedLength: Int, _ adapter: Int?) -> SequenceID? {
    while true {
      if let sequence = try? forward.makeSequence(expectedLength: expectedLength, adapter: adapter) { return sequence }
      guard let old = idle.evict() else { return nil }
      forward.release(old)
    }
  }

  /// Gives preempted requests a sequence again, the oldest first, once their text fits.
  mutating func reopen() {
    for place in active.indices where active[place].sequence == nil {
      let length = active[place].tokens.count
      let isAlone = active.allSatisfy { $0.sequence == nil }
      makeRoom(length + growth)
      guard isAlone || unclaimedTokens >= length + growth,
        let sequence = open(length, adapter(of: active[place].ticket))
      else {
        return
      }
      active[place].sequence = sequence
      guard reuses(active[place].ticket) else { continue }
      active[place].beginning = beginning(
        of: active[place].tokens, adapter(of: active[place].ticket), before: place, known: 0)
    }
  }

  mutating func end(_ place: Int, _ reason: FinishReason) {
    active[place].finish(reason)
    let ended = active.remove(at: place)
    if let sequence = ended.draftSequence { draftModel?.release(sequence) }
    guard let sequence = ended.sequence else { return }
    let length = min(forward.length(of: sequence), ended.tokens.count)
    if reusesPrefixes && length > 0 {
      idle.keep(sequence, tokens: ended.tokens[..<length], adapter: adapter(of: ended.ticket))
    } else {
      forward.release(sequence)
    }
  }
}
