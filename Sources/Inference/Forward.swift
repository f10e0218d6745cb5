// SPDX-License-Identifier: Apache-2.0
// The forward pass: tokens of a batch of sequences in, logits out. Reads the architecture as data (`LayerPlan`); a step
// allocates nothing and counts no references inside the layers.

import Basics
import CKernels
import Models

/// Runs a model step by step over a batch of sequences, each with its own length.
///
/// Belongs to one thread at a time; the kernels' workers are its own.
public struct Forward: ~Copyable {
  /// The model it runs.
  public let model: LoadedModel
  let isa: ck_isa
  let pool: OpaquePointer
  private let ownsPool: Bool
  let space: Workspace
  let plans: Plans
  var pages: KVPages
  var routing = Routing()
  /// Entries of `space.entries` in use.
  var liveEntries = 0
  let rotations: Rotations
  /// States of recurrent layers, where the model has some.
  let states: RecurrentStates
  /// Adapters, where the model was opened with some, and the rows of a step that have one.
  let adapters: AdapterWeights?
  let adapterSpace: AdapterSpace
  var adapted: [AdaptedRows] = []
  /// Tokens of every sequence where keys may have to be computed anew; else empty.
  var history: TokenHistory

  /// Opens the model for running: threads, buffers and the key/value cache.
  /// - Throws: `InferenceProblem` when they do not fit.
  public init(_ model: LoadedModel) throws(InferenceProblem) { try self.init(model, pool: nil) }

  /// - Parameter shared: threads of another `Forward` that outlives this one; nil starts its own.
  init(_ model: LoadedModel, pool shared: OpaquePointer?) throws(InferenceProblem) {
    let (architecture, options) = (model.architecture, model.options)
    let threads = if let shared { Int(ck_pool_threads(shared)) } else { try options.threadCount() }
    let context = options.contextLength ?? architecture.contextLength
    guard (1...Self.longestContext).contains(context) else {
      throw .invalidOption(name: "context size", value: context, allowed: "1 to \(Self.longestContext)")
    }
    let layout = CacheLayout(architecture, bits: options.kvBits, precise: options.precise)
    let pages = try KVPages(
      pageTokens: CacheLayout.pageTokens, pageBytes: layout.pageBytes,
      byteBudget: options.kvByteBudget ?? Memory.available / 2, sequences: options.sequences, contextLength: context)
    let caches = layout.caches(at: pages.base)
    let scratch = zip(architecture.layers, caches).map { Self.scratch(of: $0.mixer, cache: $1, threads: threads) }
    let space = try Workspace(architecture, options: options, threads: threads, mixerScratch: scratch.max() ?? 0)
    let states = try RecurrentStates(architecture, sequences: options.sequences)
    let rotations = Rotations(architecture.ropes)
    let history = try TokenHistory(
      sequences: rotations.switchLength == nil ? 0 : options.sequences, contextLength: context)
    let adapterSpace = try AdapterSpace(
      architecture, rank: model.adapters?.rank ?? 0, tokens: options.stepTokens, threads: threads)
    let pool = if let shared { shared } else { try KernelThreads.start(threads) }
    self.model = model
    adapters = model.adapters
    self.adapterSpace = adapterSpace
    self.isa = ck_isa_detect()
    self.plans = Plans(model, space: space, caches: caches, statePlaces: states.places)
    self.states = states
    self.pages = pages
    self.space = space
    self.pool = pool
    ownsPool = shared == nil
    self.rotations = rotations
    self.history = history
  }

  deinit { if ownsPool { ck_pool_destroy(pool) } }

  /// Bytes of scratch memory a mixer's kernel needs.
  private static func scratch(of mixer: TokenMixer, cache: ck_cache, threads: Int) -> Int {
    switch mixer {
    case .attention(let attention):
      var description = ck_attention(attention, cache: cache, row: MixerRow(mixer))
      return ck_attention_scratch(&description, Int32(threads))
    case .latent(let latent):
      var description = ck_attention(latent, cache: cache, row: MixerRow(mixer))
      return ck_attention_scratch(&description, Int32(threads))
    case .deltaNet(let net):
      var description = ck_delta_net(net)
      return ck_delta_scratch(&description, Int32(threads))
    }
  }

  /// Longest context that is accepted, whatever the model says.
  private static let longestContext = 1 << 24

  /// Most tokens a single step takes, all entries together.
  public var stepTokens: Int { model.options.stepTokens }

  /// Opens an empty sequence.
  /// - Parameter expectedLength: tokens the sequence is known to reach (its prompt), for rope
  ///   scalings that depend on the total length; 0 when unknown.
  /// - Parameter adapter: place of its adapter among those the model was opened with; nil for none.
  public mutating func makeSequence(expectedLength: Int = 0, adapter: Int? = nil) throws(InferenceProblem) -> SequenceID
  {
    let count = adapters?.names.count ?? 0
    if let adapter, !(0..<count).contains(adapter) {
      throw .invalidOption(name: "adapter", value: adapter, allowed: "less than \(count)")
    }
    return try pages.open(expectedLength: expectedLength, adapter: adapter ?? -1)
  }

  /// Closes a sequence and frees its pages.
  public mutating func release(_ sequence: SequenceID) { pages.release(sequence) }

  /// Tokens a sequence holds.
  public func length(of sequence: SequenceID) -> Int {
    pages.isOpen(sequence) ? pages.slots[Int(sequence.slot)].length : 0
  }

  /// Whether sequences can be shortened to any length; with recurrent layers only to nothing.
  public var canTruncate: Bool { states.isEmpty }

  /// Shortens a sequence to its first `length` tokens; a recurrent model's, unless it is no longer than that, to none.
  /// - Returns: how many it keeps.
  @discardableResult
  public mutating func truncate(_ sequence: SequenceID, to length: Int) -> Int {
    guard pages.isOpen(sequence) else { return 0 }
    let current = pages.slots[Int(sequence.slot)].length
    guard length < current else { return current }
    pages.shorten(sequence.slot, to: canTruncate ? length : 0)
    return pages.slots[Int(sequence.slot)].length
  }

  /// Gives an empty sequence the first tokens of another, of the same adapter: both use the same pages until one writes.
  /// Not with recurrent layers, whose states cannot be cut.
  /// - Returns: how many it got.
  @discardableResult
  mutating func share(_ length: Int, of donor: SequenceID, with sequence: SequenceID) -> Int {
    guard canTruncate, pages.isOpen(donor), pages.isOpen(sequence) else { return 0 }
    pages.share(length, of: donor.slot, with: sequence.slot)
    return pages.slots[Int(sequence.slot)].length
  }

  /// Tokens that may follow the next one in the same step and be taken back, without a trace in its result: none where
  /// the past is a state, or where frequencies of the rope depend on how long the text is.
  func draftRoom(of sequence: SequenceID) -> Int {
    guard canTruncate else { return 0 }
    let next = length(of: sequence) + 1
    var limit = pages.contextLength
    for rope in model.architecture.ropes {
      // Longrope changes once, at its switch; dynamic scaling changes with every token beyond it.
      guard let switchLength = rope.switchLength, !rope.isLongrope || next <= switchLength else { continue }
      limit = min(limit, switchLength)
    }
    return max(0, limit - next)
  }

  /// How many tokens more could be cached now, over all sequences.
  public var freeTokens: Int { pages.freeTokens }

  /// Tokens of cache that growing from one length to another takes, in whole pages.
  func pageTokens(from length: Int, to longer: Int) -> Int {
    longer.roundedUp(to: pages.pageTokens) - length.roundedUp(to: pages.pageTokens)
  }

  /// Computes the batch, appends its tokens to their sequences and leaves the wanted logits in it.
  ///
  /// On a throw no sequence has changed.
  public mutating func step(_ batch: inout StepBatch) throws(InferenceProblem) {
    try check(batch)
    try reserve(batch)
    for entry in batch.entries where pages.slots[Int(entry.sequence.slot)].length == 0 {
      states.clear(entry.sequence.slot)
    }
    renew(batch)
    let rows = compute(batch)
    head(rows: rows)
    batch.logits = space.logits
    batch.vocabulary = model.architecture.vocabularySize
  }

  private func check(_ batch: StepBatch) throws(InferenceProblem) {
    guard batch.tokenCount <= stepTokens else { throw .stepTooLarge(tokens: batch.tokenCount, limit: stepTokens) }
    let vocabulary = model.architecture.vocabularySize
    for token in batch.tokens where token < 0 || Int(token) >= vocabulary {
      throw .unknownToken(id: Int(token), vocabulary: vocabulary)
    }
    for (index, entry) in batch.entries.enumerated() {
      guard pages.isOpen(entry.sequence) else { throw .invalidSequence }
      for earlier in batch.entries[..<index] where earlier.sequence == entry.sequence { throw .invalidSequence }
    }
  }

  /// Gets the pages all entries need, or none.
  private mutating func reserve(_ batch: StepBatch) throws(InferenceProblem) {
    for (index, entry) in batch.entries.enumerated() {
      do throws(InferenceProblem) {
        try pages.reserve(entry.sequence.slot, count: entry.count)
      } catch {
        for earlier in batch.entries[...index] { pages.unreserve(earlier.sequence.slot) }
        throw error
      }
    }
  }

  /// Runs all layers over the batch and appends its tokens.
  /// - Returns: the rows of `space.hidden` whose logits are wanted, moved to the front.
  mutating func compute(_ batch: StepBatch) -> Int {
    embed(batch)
    rotate(batch)
    findAdapted(batch)
    let last = plans.count - 1
    var isProjected = false
    for index in 0...last {
      isProjected = layer(plans.layers[index], batch, isProjected: isProjected, isLast: index == last)
    }
    for entry in batch.entries { pages.advance(entry.sequence.slot, by: entry.count) }
    return batch.wantedRows
  }
}

extension LoadedModel.Options {
  /// Threads to use.
  func threadCount() throws(InferenceProblem) -> Int {
    let count = threads ?? Processor.usableCores
    guard (1...256).contains(count) else {
      throw .invalidOption(name: "threads", value: count, allowed: "1 to 256")
    }
    return count
  }
}
