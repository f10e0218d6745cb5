// SPDX-License-Identifier: Apache-2.0
// The forward pass of an encoder: texts of a batch in, the states of their tokens out. Keys and values of one layer at a
// time lie in a small paged cache, so that the decoder's attention kernel serves; here every token sees its whole text.

import CKernels
import Models

/// Runs an encoder over batches of texts of different lengths, without padding.
///
/// Belongs to one thread at a time; the kernels' workers are its own.
public struct EncoderForward: ~Copyable {
  /// The model it runs.
  public let model: EncoderModel
  /// Most tokens of a batch, all texts together.
  public let batchTokens: Int
  private let isa: ck_isa
  private let pool: OpaquePointer
  private let space: EncoderSpace
  private let rotations: Rotations

  /// Opens the model for running.
  /// - Throws: `InferenceProblem` when threads or memory are not to be had.
  public init(_ model: EncoderModel) throws(InferenceProblem) {
    let threads = try model.options.threadCount()
    let batchTokens = max(model.options.stepTokens, model.longestText)
    let space = try EncoderSpace(
      model.architecture, model.layers, tokens: batchTokens, texts: model.options.stepTokens, threads: threads)
    let pool = try KernelThreads.start(threads)
    self.batchTokens = batchTokens
    self.model = model
    self.space = space
    self.pool = pool
    rotations = Rotations(model.architecture.ropes)
    isa = ck_isa_detect()
  }

  deinit { ck_pool_destroy(pool) }

  /// Computes the states of all tokens: [tokens of all texts, hidden], in memory of this value, overwritten by the
  /// next call.
  /// - Throws: `InferenceProblem` for tokens that are none, texts that are empty or too long, or more than a batch.
  public mutating func encode(_ texts: [EncoderText]) throws(InferenceProblem) -> UnsafeMutableBufferPointer<Float> {
    try check(texts)
    let tokens = texts.reduce(0) { $0 + $1.tokens.count }
    embed(texts)
    place(texts)
    for layer in model.layers { run(layer, tokens: tokens, texts: texts.count) }
    normalize(model.finalNorm, rows: tokens)
    ck_pool_rest(pool)
    return UnsafeMutableBufferPointer(start: space.hidden, count: tokens * model.architecture.hiddenSize)
  }

  /// The pooler's output for the state of a text's first token; nil when the model has none.
  public func pooled(_ state: UnsafeMutablePointer<Float>) -> [Float]? {
    guard let pooler = model.pooler else { return nil }
    let width = model.architecture.hiddenSize
    var result = [Float](repeating: 0, count: width)
    result.withUnsafeMutableBufferPointer { result in
      var output = model.tables.output(pooler, into: result.baseAddress, stride: width)
      ck_linear(pool, isa, &output, 1, state, Int32(width), 1, space.scratch)
      ck_soft_cap(result.baseAddress, 1, Int32(width))
    }
    return result
  }

  private func check(_ texts: [EncoderText]) throws(InferenceProblem) {
    let encoder = model.architecture
    var total = 0
    for text in texts {
      guard !text.tokens.isEmpty else { throw .invalidOption(name: "tokens", value: 0, allowed: "1 or more") }
      guard text.tokens.count <= encoder.contextLength else {
        throw .contextExceeded(length: text.tokens.count, limit: encoder.contextLength)
      }
      for token in text.tokens where token < 0 || Int(token) >= encoder.vocabularySize {
        throw .unknownToken(id: Int(token), vocabulary: encoder.vocabularySize)
      }
      for type in text.types where type < 0 || Int(type) >= encoder.typeCount {
        throw .unknownToken(id: Int(type), vocabulary: encoder.typeCount)
      }
      total += text.tokens.count
    }
    guard total <= batchTokens, texts.count <= space.entryLimit else {
      throw .stepTooLarge(tokens: total, limit: batchTokens)
    }
  }

  /// hidden = norm(scale * word + position + type).
  private func embed(_ texts: [EncoderText]) {
    let (width, tables, scale) = (model.architecture.hiddenSize, model.tables, model.architecture.embeddingScale)
    var row = space.hidden
    for text in texts {
      for (index, token) in text.tokens.enumerated() {
        let type = index < text.types.count ? text.types[index] : 0
        tables.row(token, of: model.words, into: row)
        if scale != 1 { ck_scale(row, scale, Int32(width)) }
        let position = Int32(index + model.architecture.positionOffset)
        for case (let matrix?, let number) in [(model.types, type), (model.positions, position)] {
          tables.row(number, of: matrix, into: space.added)
          ck_add_scaled(isa, row, space.added, 1, Int32(width))
        }
        row += width
      }
    }
    normalize(model.embeddingNorm, rows: (row - space.hidden) / width)
  }

  /// Gives each text pages of the cache, its rows and their rotations.
  private func place(_ texts: [EncoderText]) {
    let attention = model.layers[0].attention
    var (page, start) = (0, 0)
    for (index, text) in texts.enumerated() {
      space.entries[index] = ck_attention_entry(
        pages: space.pages + page, first_position: 0, tokens: Int32(text.tokens.count),
        queries: UnsafePointer(space.heads + start * attention.rowWidth),
        out: space.attended + start * attention.queryWidth)
      rotations.fill(
        position: 0, count: text.tokens.count, total: text.tokens.count, row: start, stepTokens: batchTokens,
        width: space.rotationWidth, cosines: space.cosines, sines: space.sines)
      page += text.tokens.count.roundedUp(to: CacheLayout.pageTokens) / CacheLayout.pageTokens
      start += text.tokens.count
    }
  }

  private func run(_ layer: EncoderLayer, tokens: Int, texts: Int) {
    let (attention, width) = (layer.attention, model.architecture.hiddenSize)
    let x = input(layer.norms.preAttention, tokens: tokens)
    var place = space.heads
    let queryKeyValue = layer.weights.queryKeyValue.map { matrix in
      defer { place += matrix.outputs }
      return Product(matrix: matrix, y: place, stride: attention.rowWidth)
    }
    multiply(queryKeyValue, by: x, width: width, tokens: tokens)
    var (kernel, heads) = (space.attention(attention, isCausal: model.architecture.isCausal), heads(layer))
    ck_attention_store(pool, isa, &kernel, &heads, space.entries, Int32(texts))
    ck_attend(pool, isa, &kernel, space.entries, Int32(texts), space.scratch)
    add(layer.norms.postAttention, tokens: tokens) { y, accumulates in
      let attended = Product(matrix: layer.weights.output, y: y, stride: width, accumulates: accumulates)
      multiply([attended], by: space.attended, width: attention.queryWidth, tokens: tokens)
    }
    let z = input(layer.norms.preFeedForward, tokens: tokens)
    add(layer.norms.postFeedForward, tokens: tokens) { y, accumulates in
      feedForward(layer.mlp, layer.activation.kernel, from: z, into: y, accumulates: accumulates, tokens: tokens)
    }
  }

  /// What a half of a layer reads: the stream, or a copy of it behind a norm.
  private func input(_ norm: NormID?, tokens: Int) -> UnsafeMutablePointer<Float> {
    guard let norm else { return space.hidden }
    let width = model.architecture.hiddenSize
    space.normed.update(from: space.hidden, count: tokens * width)
    normalize(norm, rows: tokens, of: space.normed)
    return space.normed
  }

  /// Adds a half to the stream, with the norm behind it over the sum or over what is added.
  private func add(
    _ norm: NormID?, tokens: Int, _ compute: (_ y: UnsafeMutablePointer<Float>, _ accumulates: Bool) -> Void
  ) {
    if norm == nil || model.architecture.normsSums {
      compute(space.hidden, true)
      normalize(norm, rows: tokens)
    } else {
      compute(space.added, false)
      normalize(norm, rows: tokens, of: space.added, stream: space.hidden)
    }
  }

  private func heads(_ layer: EncoderLayer) -> ck_heads {
    let (attention, weights, tables) = (layer.attention, layer.weights, model.tables)
    var heads = ck_heads()
    heads.queries = space.heads
    heads.keys = space.heads + attention.queryWidth
    heads.values = UnsafePointer(space.heads + attention.queryWidth + attention.keyValueWidth)
    heads.query_stride = attention.rowWidth
    heads.key_stride = attention.rowWidth
    heads.value_stride = attention.rowWidth
    if let norm = weights.queryNorm ?? weights.keyNorm {
      (heads.norm_offset, heads.norm_epsilon) = (norm.weightOffset, norm.epsilon)
    }
    if let norm = weights.queryNorm { heads.query_norm = tables.vector(norm.weight) }
    if let norm = weights.keyNorm { heads.key_norm = tables.vector(norm.weight) }
    if let number = attention.rope {
      let (rope, place) = (model.architecture.ropes[number], number * batchTokens * space.rotationWidth)
      (heads.cosine, heads.sine) = (UnsafePointer(space.cosines + place), UnsafePointer(space.sines + place))
      heads.rope_half = Int32(rope.size / 2)
      heads.interleaved = rope.isInterleaved
    }
    return heads
  }

  /// y = down(activation(up(x))), or down(activation(gate(x)) * up(x)); added to y where it accumulates.
  private func feedForward(
    _ weights: MLPWeights, _ activation: ck_activation, from x: UnsafeMutablePointer<Float>,
    into y: UnsafeMutablePointer<Float>, accumulates: Bool, tokens: Int
  ) {
    let (tables, width, wide) = (model.tables, model.architecture.hiddenSize, weights.up.outputs)
    let matrices = [weights.gate, weights.up, weights.down].compactMap { $0 }
    if matrices.allSatisfy({ model.panels.panels(of: $0) != nil }) {
      if let gate = weights.gate {
        let products = [(gate, space.wide), (weights.up, space.wider)].map {
          Product(matrix: $0.0, y: $0.1, stride: wide)
        }
        multiply(products, by: x, width: width, tokens: tokens)
        ActivatedRows(
          isa: isa, activation: activation, gate: space.wide, up: space.wider, result: space.wide, width: wide,
          count: tokens
        )
        .run(pool)
      } else {
        let up = Product(matrix: weights.up, y: space.wide, stride: wide, activation: activation)
        multiply([up], by: x, width: width, tokens: tokens)
      }
      let down = Product(matrix: weights.down, y: y, stride: width, accumulates: accumulates)
      return multiply([down], by: space.wide, width: wide, tokens: tokens)
    }
    var block = ck_feed_forward(
      activation: activation, gate: weights.gate.map { tables.output($0, into: nil, stride: 0) } ?? ck_output(),
      up: tables.output(weights.up, into: nil, stride: 0),
      down: tables.output(weights.down, into: y, stride: width, accumulates: accumulates))
    var input = ck_input(x: x, stride: width, inputs: Int32(width), tokens: Int32(tokens), norm: ck_norm())
    ck_feed(pool, isa, &input, &block, space.scratch)
  }

  /// A matrix and where its results go.
  private struct Product {
    var matrix: MatrixID
    var y: UnsafeMutablePointer<Float>
    var stride: Int
    var accumulates = false
    /// Of plain matrices only.
    var activation: ck_activation?
  }

  /// Products of rows with matrices: plain ones in panels, quantized ones as a decoder's.
  private func multiply(_ products: [Product], by x: UnsafePointer<Float>, width: Int, tokens: Int) {
    let (tables, panels) = (model.tables, model.panels)
    let outputs = products.compactMap { product in
      panels.panels(of: product.matrix).map { matrix in
        ck_panel_output(
          matrix: matrix, bias: tables.vector(product.matrix.bias), y: product.y, stride: product.stride,
          accumulate: product.accumulates, activates: product.activation != nil,
          activation: product.activation ?? ck_activation())
      }
    }
    if !outputs.isEmpty { ck_panel_products(pool, isa, outputs, Int32(outputs.count), x, width, Int32(tokens)) }
    var others = products.filter { panels.panels(of: $0.matrix) == nil }.map { product in
      tables.output(product.matrix, into: product.y, stride: product.stride, accumulates: product.accumulates)
    }
    guard !others.isEmpty else { return }
    ck_linear(pool, isa, &others, Int32(others.count), x, Int32(width), Int32(tokens), space.scratch)
  }

  /// Norms rows in place, those of the stream unless others are given; then adds them to a stream where there is one.
  private func normalize(
    _ norm: NormID?, rows: Int, of other: UnsafeMutablePointer<Float>? = nil,
    stream: UnsafeMutablePointer<Float>? = nil
  ) {
    let width = model.architecture.hiddenSize
    RowWork(
      isa: isa, norm: model.tables.norm(norm), rows: other ?? space.hidden, stride: width, width: width, count: rows,
      stream: stream
    ).run(pool)
  }
}

/// One text as an encoder reads it.
public struct EncoderText: Sendable {
  public var tokens: [Int32]
  /// The type of each token; 0 where it ends early.
  public var types: [Int32]

  public init(tokens: [Int32], types: [Int32] = []) {
    self.tokens = tokens
    self.types = types
  }
}
