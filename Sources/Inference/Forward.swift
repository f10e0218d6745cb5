// SPDX-License-Identifier: Apache-2.0
// The forward pass: tokens of a batch of sequences in, logits out. Reads the architecture as data.

import Basics
import CKernels
import Glibc
import Models

/// Runs a model step by step over a batch of sequences, each with its own length.
///
/// Belongs to one thread at a time; the kernels' workers are its own.
public struct Forward: ~Copyable {
  /// The model it runs.
  public let model: LoadedModel
  private let isa: ck_isa
  private let pool: OpaquePointer
  private var pages: KVPages
  private let space: Workspace
  /// The cache as each layer sees it.
  private let caches: [ck_cache]
  /// Frequencies of each rope whose scaling does not depend on the length.
  private let frequencies: [[Float]]

  private static let pageTokens = 32

  /// Opens the model for running: threads, buffers and the key/value cache.
  /// - Throws: `InferenceProblem` when they do not fit.
  public init(_ model: LoadedModel) throws(InferenceProblem) {
    let (architecture, options) = (model.architecture, model.options)
    let threads = options.threads ?? Processor.usableCores
    guard (1...256).contains(threads) else {
      throw .invalidOption(name: "threads", value: threads, allowed: "1 to 256")
    }
    let layout = Self.cacheLayout(architecture, dtype: options.precise ? CK_F32 : CK_F16)
    let context = options.contextLength ?? architecture.contextLength
    let pages = try KVPages(
      pageTokens: Self.pageTokens, pageBytes: layout.pageBytes,
      byteBudget: options.kvByteBudget ?? Memory.available / 2,
      sequences: options.sequences, contextLength: max(1, context))
    let base = pages.base.assumingMemoryBound(to: UInt8.self)
    let caches = layout.caches.map { cache in
      var cache = cache
      cache.base = base
      return cache
    }
    let scratch = zip(architecture.layers, caches).map { layer, cache in
      var attention = Self.attention(layer.attention, cache, width: 0)
      return ck_attention_scratch(&attention, Int32(threads))
    }
    let space = try Workspace(
      architecture, stepTokens: options.stepTokens, threads: threads, attentionScratch: scratch.max() ?? 0)
    guard let pool = ck_pool_create(Int32(threads)) else { throw .outOfMemory(byteCount: 0) }
    self.model = model
    self.isa = ck_isa_detect()
    self.frequencies = architecture.ropes.map { $0.frequencies(totalLength: 0) }
    self.pages = pages
    self.caches = caches
    self.space = space
    self.pool = pool
  }

  deinit { ck_pool_destroy(pool) }

  private static func cacheLayout(_ architecture: Architecture, dtype: ck_dtype) -> (caches: [ck_cache], pageBytes: Int)
  {
    var place = 0
    let element = dtype == CK_F32 ? 4 : 2
    var caches = architecture.layers.map { layer in
      var cache = ck_cache()
      cache.page_tokens = Int32(pageTokens)
      cache.kv_heads = Int32(layer.attention.keyValueHeads)
      cache.key_size = Int32(layer.attention.headSize)
      cache.value_size = Int32(layer.attention.headSize)
      cache.dtype = dtype
      let size = pageTokens * layer.attention.keyValueWidth * element
      cache.key_offset = place
      cache.value_offset = place + size
      place += 2 * size
      return cache
    }
    let pageBytes = place.roundedUp(to: 64)
    for index in caches.indices { caches[index].page_bytes = pageBytes }
    return (caches, pageBytes)
  }

  private static func attention(_ layer: Attention, _ cache: ck_cache, width: Int) -> ck_attention {
    var attention = ck_attention()
    attention.cache = cache
    attention.heads = Int32(layer.heads)
    attention.scale = layer.scale
    attention.soft_cap = layer.softCap ?? 0
    attention.window = Int32(layer.window ?? 0)
    attention.query_stride = width
    attention.out_stride = layer.queryWidth
    return attention
  }

  /// Most tokens a single step takes, all entries together.
  public var stepTokens: Int { model.options.stepTokens }

  /// Opens an empty sequence.
  /// - Parameter expectedLength: tokens the sequence is known to reach (its prompt), for rope
  ///   scalings that depend on the total length; 0 when unknown.
  public mutating func makeSequence(expectedLength: Int = 0) throws(InferenceProblem) -> SequenceID {
    try pages.open(expectedLength: expectedLength)
  }

  /// Closes a sequence and frees its pages.
  public mutating func release(_ sequence: SequenceID) { pages.release(sequence) }

  /// Tokens a sequence holds.
  public func length(of sequence: SequenceID) -> Int {
    pages.isOpen(sequence) ? pages.slots[Int(sequence.slot)].length : 0
  }

  /// Shortens a sequence to its first `length` tokens.
  public mutating func truncate(_ sequence: SequenceID, to length: Int) {
    if pages.isOpen(sequence) { pages.shorten(sequence.slot, to: length) }
  }

  /// How many tokens more could be cached now, over all sequences.
  public var freeTokens: Int { pages.freeTokens }

  /// Computes the batch, appends its tokens to their sequences and leaves the wanted logits in it.
  ///
  /// On a throw no sequence has changed.
  public mutating func step(_ batch: inout StepBatch) throws(InferenceProblem) {
    try reserve(batch)
    embed(batch)
    rotations(batch)
    for index in model.weights.layers.indices { layer(index, batch) }
    let rows = gather(batch)
    head(rows: rows)
    batch.logits = space.logits
    batch.vocabulary = model.architecture.vocabularySize
    for entry in batch.entries { pages.advance(entry.sequence.slot, by: entry.count) }
  }

  // MARK: Before the layers

  private mutating func reserve(_ batch: StepBatch) throws(InferenceProblem) {
    guard batch.tokenCount <= stepTokens else { throw .stepTooLarge(tokens: batch.tokenCount, limit: stepTokens) }
    let vocabulary = model.architecture.vocabularySize
    for token in batch.tokens where token < 0 || Int(token) >= vocabulary {
      throw .unknownToken(id: Int(token), vocabulary: vocabulary)
    }
    for (index, entry) in batch.entries.enumerated() {
      let isRepeated = batch.entries[..<index].contains { $0.sequence == entry.sequence }
      guard pages.isOpen(entry.sequence), !isRepeated else { throw .invalidSequence }
    }
    for (index, entry) in batch.entries.enumerated() {
      do throws(InferenceProblem) {
        try pages.reserve(entry.sequence.slot, count: entry.count)
      } catch {
        for earlier in batch.entries[...index] { pages.unreserve(earlier.sequence.slot) }
        throw error
      }
    }
  }

  private func embed(_ batch: StepBatch) {
    let width = model.architecture.hiddenSize
    var weight = model.weights.embedding.weight
    for (row, token) in batch.tokens.enumerated() {
      ck_weight_row(&weight, token, space.hidden + row * width)
      let scale = model.architecture.embedding.scale
      if scale != 1 { ck_scale(space.hidden + row * width, scale, Int32(width)) }
    }
  }

  /// Cosines and sines of every token's position, for each rope.
  private func rotations(_ batch: StepBatch) {
    for (index, rope) in model.architecture.ropes.enumerated() {
      for entry in batch.entries {
        let slot = pages.slots[Int(entry.sequence.slot)]
        let total = max(slot.expectedLength, slot.length + entry.count)
        let angles = rope.switchLength == nil ? frequencies[index] : rope.frequencies(totalLength: total)
        for token in 0..<entry.count {
          let position = Float(slot.length + token)
          let place = (index * stepTokens + entry.start + token) * space.ropeWidth
          for (pair, frequency) in angles.enumerated() {
            space.cosines[place + pair] = Float(Double(cosf(position * frequency)) * rope.attentionFactor)
            space.sines[place + pair] = Float(Double(sinf(position * frequency)) * rope.attentionFactor)
          }
        }
      }
    }
  }

  // MARK: A layer

  private func layer(_ index: Int, _ batch: StepBatch) {
    let description = model.architecture.layers[index]
    let weights = model.weights.layers[index]
    let (tokens, width) = (batch.tokenCount, model.architecture.hiddenSize)
    let scale = description.residualScale
    normalize(space.hidden, weights.preAttention, into: space.normed, rows: tokens, width: width)
    attend(description.attention, weights, index, batch)
    normalize(space.added, weights.postAttention, into: space.added, rows: tokens, width: width)
    ck_add_scaled(isa, space.hidden, space.added, scale, Int32(tokens * width))
    if !description.isParallel {
      normalize(space.hidden, weights.preFeedForward, into: space.normed, rows: tokens, width: width)
    }
    feedForward(weights, tokens: tokens)
    normalize(space.added, weights.postFeedForward, into: space.added, rows: tokens, width: width)
    ck_add_scaled(isa, space.hidden, space.added, scale, Int32(tokens * width))
  }

  private func attend(_ attention: Attention, _ weights: LayerWeights, _ index: Int, _ batch: StepBatch) {
    let width = attention.queryWidth + 2 * attention.keyValueWidth
    multiply(weights.queryKeyValue, space.normed, into: space.heads, stride: width, tokens: batch.tokenCount)
    for token in 0..<batch.tokenCount { prepare(attention, weights, space.heads + token * width, token: token) }
    var cache = caches[index]
    var entries: [ck_attention_entry] = []
    for entry in batch.entries {
      let table = pages.table(entry.sequence.slot)
      let first = pages.slots[Int(entry.sequence.slot)].length
      for token in 0..<entry.count {
        let keys = space.heads + (entry.start + token) * width + attention.queryWidth
        ck_cache_store(&cache, table, Int32(first + token), keys, keys + attention.keyValueWidth)
      }
      entries.append(
        ck_attention_entry(
          pages: table, first_position: Int32(first), tokens: Int32(entry.count),
          queries: space.heads + entry.start * width, out: space.attended + entry.start * attention.queryWidth))
    }
    var work = Self.attention(attention, cache, width: width)
    ck_attend(pool, isa, &work, entries, Int32(entries.count), space.scratch)
    multiply(
      [weights.attentionOutput], space.attended, into: space.added, stride: model.architecture.hiddenSize,
      tokens: batch.tokenCount)
  }

  /// Norms and rotates the queries and keys of one token.
  private func prepare(_ attention: Attention, _ weights: LayerWeights, _ row: UnsafeMutablePointer<Float>, token: Int)
  {
    let parts = [
      (row, attention.heads, weights.queryNorm, attention.queryNorm?.perHead ?? true),
      (row + attention.queryWidth, attention.keyValueHeads, weights.keyNorm, attention.keyNorm?.perHead ?? true),
    ]
    for (start, heads, norm, perHead) in parts {
      let size = attention.headSize
      if norm != nil {
        normalize(start, norm, into: start, rows: perHead ? heads : 1, width: perHead ? size : heads * size)
      }
      guard let index = attention.rope else { continue }
      let rope = model.architecture.ropes[index]
      let place = (index * stepTokens + token) * space.ropeWidth
      for head in 0..<heads {
        ck_rope(
          start + head * size, space.cosines + place, space.sines + place, Int32(rope.size / 2), rope.isInterleaved)
      }
    }
  }

  private func feedForward(_ weights: LayerWeights, tokens: Int) {
    let (mlp, size) = (weights.mlp, weights.mlp.size)
    let width = mlp.isGated ? 2 * size : size
    multiply(weights.input, space.normed, into: space.wide, stride: width, tokens: tokens)
    for token in 0..<tokens {
      let row = space.wide + token * width
      ck_activate(
        isa, mlp.activation.kernel, row, mlp.isGated ? row + size : nil, Int32(size), space.active + token * size)
    }
    multiply([weights.down], space.active, into: space.added, stride: model.architecture.hiddenSize, tokens: tokens)
  }

  // MARK: After the layers

  /// Moves the hidden rows whose logits are wanted to the front, normed.
  private func gather(_ batch: StepBatch) -> Int {
    let width = model.architecture.hiddenSize
    var row = 0
    for entry in batch.entries where entry.wanted != .none {
      let first = entry.wanted == .last ? max(0, entry.count - 1) : 0
      for token in first..<entry.count {
        normalize(
          space.hidden + (entry.start + token) * width, model.weights.finalNorm, into: space.normed + row * width,
          rows: 1,
          width: width)
        row += 1
      }
    }
    return row
  }

  private func head(rows: Int) {
    let output = model.architecture.output
    let vocabulary = model.architecture.vocabularySize
    multiply([model.weights.output], space.normed, into: space.logits, stride: vocabulary, tokens: rows)
    let count = Int32(rows * vocabulary)
    if output.scale != 1 { ck_scale(space.logits, output.scale, count) }
    if let cap = output.softCap { ck_soft_cap(space.logits, cap, count) }
  }

  // MARK: Pieces

  /// Products of the same rows with several matrices, their outputs side by side in `y`.
  private func multiply(
    _ matrices: [Matrix], _ x: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>, stride: Int,
    tokens: Int
  ) {
    guard tokens > 0, let inputs = matrices.first?.inputs else { return }
    var weights = matrices.map(\.weight)
    var packed = matrices.map { $0.packed ?? ck_packed() }
    weights.withUnsafeMutableBufferPointer { weights in
      packed.withUnsafeMutableBufferPointer { packed in
        var place = 0
        var outputs: [ck_output] = []
        for (index, matrix) in matrices.enumerated() {
          outputs.append(
            ck_output(
              packed: matrix.packed == nil ? nil : UnsafePointer(packed.baseAddress! + index),
              weight: UnsafePointer(weights.baseAddress! + index), bias: matrix.bias, y: y + place, stride: stride,
              accumulate: false))
          place += matrix.outputs
        }
        ck_linear(pool, isa, outputs, Int32(outputs.count), x, Int32(inputs), Int32(tokens), space.scratch)
      }
    }
  }

  /// Norms rows; without a norm the rows are passed on.
  private func normalize(
    _ x: UnsafeMutablePointer<Float>, _ norm: NormWeights?, into y: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    guard let norm else {
      if x != y { y.update(from: x, count: rows * width) }
      return
    }
    for row in 0..<rows {
      let (from, to, count) = (x + row * width, y + row * width, Int32(width))
      switch norm.norm.kind {
      case .rms: ck_rms_norm(isa, from, norm.weight, norm.norm.weightOffset, norm.norm.epsilon, count, to)
      case .layer: ck_layer_norm(isa, from, norm.weight, norm.bias, norm.norm.epsilon, count, to)
      }
    }
  }
}

extension Activation {
  /// The kernel's name for it.
  var kernel: ck_activation {
    switch self {
    case .silu: CK_SILU
    case .gelu: CK_GELU
    case .geluTanh: CK_GELU_TANH
    case .relu: CK_RELU
    }
  }
}
