// SPDX-License-Identifier: Apache-2.0
// A smaller model of the same vocabulary that writes ahead; the large one then reads several tokens at the price of
// little more than one. It draws with the request's own random numbers, so that two similar models draw the same token.

internal import Basics
internal import Models
public import Tokenizers

/// A model that may write ahead for another.
public struct Draft: Sendable {
  let model: LoadedModel
  let tokenizer: Tokenizer

  public init(_ model: LoadedModel, tokenizer: Tokenizer) {
    self.model = model
    self.tokenizer = tokenizer
  }

  /// Opens the model in a folder to write ahead for another.
  /// - Throws: `GenerationProblem.unsuitableDraft`, and what opening a model throws.
  public static func load(folder: String, for main: LoadedModel, tokenizer: Tokenizer) throws -> Draft {
    let own = try Tokenizer(folder: folder)
    try check(own, for: tokenizer)
    var options = main.options
    options.contextLength = main.options.contextLength ?? main.architecture.contextLength
    options.kvByteBudget = Memory.available / 8
    // Adapters are the main model's; its guesses are only ever checked.
    options.adapters = []
    return Draft(try LoadedModel.load(folder: folder, options: options), tokenizer: own)
  }

  /// Refuses a model that cannot write ahead for one with this tokenizer.
  /// - Throws: `GenerationProblem.unsuitableDraft`.
  public static func check(_ draft: Tokenizer, for tokenizer: Tokenizer) throws(GenerationProblem) {
    let count = tokenizer.vocabularySize
    guard draft.vocabularySize == count else {
      throw .unsuitableDraft(why: "it knows \(draft.vocabularySize) tokens, the model \(count)")
    }
    for id in 0..<TokenID(count) where draft.token(of: id) != tokenizer.token(of: id) {
      throw .unsuitableDraft(why: "its token \(id) is another than the model's")
    }
  }
}

/// The small model at work; belongs to the engine thread.
struct DraftModel: ~Copyable {
  private var forward: Forward
  private var batch: StepBatch
  private let vocabulary: Int
  /// What its steps cost.
  private(set) var times = StepTimes()

  /// - Parameters:
  ///   - draft: a model whose sequences can be shortened.
  ///   - main: the model it writes for, whose threads it uses.
  init(_ draft: Draft, for main: borrowing Forward) throws(InferenceProblem) {
    forward = try Forward(draft.model, pool: main.pool)
    batch = StepBatch(tokenCapacity: draft.model.options.stepTokens, entryCapacity: draft.model.options.sequences)
    vocabulary = min(draft.model.architecture.vocabularySize, main.model.architecture.vocabularySize)
  }

  mutating func release(_ sequence: SequenceID) { forward.release(sequence) }

  /// Continues texts by `count` tokens each. A text that it has not read far enough is read on and gets none.
  /// - Returns: a draft for each place.
  mutating func write(
    _ count: Int, _ places: [Int], of active: inout [ActiveSequence], workspace: inout SamplerWorkspace
  ) -> [[Int32]] {
    var drafts = places.map { _ in [Int32]() }
    let writing = read(places, of: &active)
    var samplers = writing.map { active[places[$0]].sampler }
    for round in 0..<count where !writing.isEmpty {
      if round > 0, !feed(writing, places, drafts, of: &active) { break }
      for (entry, index) in writing.enumerated() {
        let logits = UnsafeMutableBufferPointer(rebasing: batch.logits(ofEntry: entry).prefix(vocabulary))
        let token = samplers[entry].next(logits, workspace: &workspace).token
        drafts[index].append(token)
        if samplers[entry].remembers { samplers[entry].record(active[places[index]].tokens + drafts[index]) }
      }
    }
    return drafts
  }

  /// Reads what it has not seen of the texts, as much as fits a step.
  /// - Returns: which of them it has read to their ends, in the order of the batch.
  private mutating func read(_ places: [Int], of active: inout [ActiveSequence]) -> [Int] {
    batch.removeAll()
    var (writing, counts): ([Int], [Int]) = ([], [])
    var read: [(place: Int, count: Int)] = []
    for (index, place) in places.enumerated() {
      let left = forward.stepTokens - batch.tokenCount
      let tokens = active[place].tokens
      guard left > 0, tokens.count + Drafting.longestDraft <= forward.pages.contextLength,
        let sequence = open(&active[place])
      else { continue }
      let missing = tokens[active[place].draftCached...].prefix(left)
      guard missing.allSatisfy({ $0 < vocabulary }) else { continue }
      let isWhole = missing.endIndex == tokens.count
      // Those that are only read come last, so that the entries of the others are the first ones.
      if isWhole {
        batch.add(sequence, tokens: missing, wanted: .last)
        writing.append(index)
        counts.append(missing.count)
      } else {
        read.append((place, missing.count))
      }
    }
    for item in read {
      guard let sequence = active[item.place].draftSequence else { continue }
      let (first, left) = (active[item.place].draftCached, forward.stepTokens - batch.tokenCount)
      guard left > 0 else { continue }
      let tokens = active[item.place].tokens[first..<first + min(item.count, left)]
      batch.add(sequence, tokens: tokens, wanted: .none)
      counts.append(tokens.count)
    }
    guard batch.tokenCount > 0, step() else { return [] }
    for (place, count) in zip(writing.map { places[$0] } + read.map(\.place), counts) {
      active[place].draftCached += count
    }
    return writing
  }

  /// The sequence of a text, shortened to what is still true of it.
  private mutating func open(_ text: inout ActiveSequence) -> SequenceID? {
    guard let sequence = text.draftSequence else {
      text.draftSequence = try? forward.makeSequence()
      text.draftCached = 0
      return text.draftSequence
    }
    forward.truncate(sequence, to: text.draftCached)
    return sequence
  }

  /// Feeds the drafts' last tokens.
  private mutating func feed(
    _ writing: [Int], _ places: [Int], _ drafts: [[Int32]], of active: inout [ActiveSequence]
  ) -> Bool {
    batch.removeAll()
    for index in writing {
      guard let sequence = active[places[index]].draftSequence, let last = drafts[index].last else { return false }
      batch.add(sequence, token: last)
    }
    guard step() else { return false }
    for index in writing { active[places[index]].draftCached += 1 }
    return true
  }

  /// A step; one that cannot be made (its cache is full) only means that nothing is drafted.
  private mutating func step() -> Bool {
    let begin = ContinuousClock.now
    do { try forward.step(&batch) } catch { return false }
    if batch.tokenCount == batch.count {
      times.learn(tokens: batch.count, seconds: (ContinuousClock.now - begin).seconds)
    }
    return true
  }
}

extension Architecture {
  /// Whether a text's past is keys and values only, which can be taken back token by token.
  var isAttentive: Bool {
    layers.allSatisfy { layer in if case .deltaNet = layer.mixer { false } else { true } }
  }
}
