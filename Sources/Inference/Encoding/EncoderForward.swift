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

  /// Opens the model for running.
  /// - Throws: `InferenceProblem` when threads or memory are not to be had.
  public init(_ model: EncoderModel) throws(InferenceProblem) {
    let threads = try model.options.threadCount()
    let batchTokens = max(model.options.stepTokens, model.longestText)
    let space = try EncoderSpace(model.architecture, tokens: batchTokens, threads: threads)
    guard let pool = ck_pool_create(Int32(threads)) else { throw .outOfMemory(byteCount: 0) }
    self.batchTokens = batchTokens
    self.model = model
    self.space = space
    self.pool = pool
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
    for index in model.layers.indices { layer(index, tokens: tokens, texts: texts.count) }
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

  /// hidden = norm(word + position + type).
  private func embed(_ texts: [EncoderText]) {
    let (width, tables) = (model.architecture.hiddenSize, model.tables)
    var row = space.hidden
    for text in texts {
      for (index, token) in text.tokens.enumerated() {
        let type = index < text.types.count ? text.types[index] : 0
        tables.row(token, of: model.words, into: row)
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

  /// Gives each text pages of the cache and its rows.
  private func place(_ texts: [EncoderText]) {
    let width = model.architecture.hiddenSize
    var (page, start) = (0, 0)
    for (index, text) in texts.enumerated() {
      space.entries[index] = ck_attention_entry(
        pages: space.pages + page, first_position: 0, tokens: Int32(text.tokens.count),
        queries: UnsafePointer(space.heads + start * 3 * width), out: space.attended + start * width)
      page += text.tokens.count.roundedUp(to: CacheLayout.pageTokens) / CacheLayout.pageTokens
      start += text.tokens.count
    }
  }

  private func layer(_ index: Int, tokens: Int, texts: Int) {
    let (layer, weights, width) = (model.architecture.layers[index], model.layers[index], model.architecture.hiddenSize)
    let queryKeyValue = weights.queryKeyValue.enumerated().map { place, matrix in
      Product(matrix: matrix, y: space.heads + place * width, stride: 3 * width)
    }
    multiply(queryKeyValue, by: space.hidden, width: width, tokens: tokens)
    var heads = ck_heads()
    heads.queries = space.heads
    heads.keys = space.heads + width
    heads.values = UnsafePointer(space.heads + 2 * width)
    (heads.query_stride, heads.key_stride, heads.value_stride) = (3 * width, 3 * width, 3 * width)
    var attention = space.attention(layer.heads, width: width)
    ck_attention_store(pool, isa, &attention, &heads, space.entries, Int32(texts))
    ck_attend(pool, isa, &attention, space.entries, Int32(texts), space.scratch)
    let attended = Product(matrix: weights.attentionOutput, y: space.hidden, stride: width, accumulates: true)
    multiply([attended], by: space.attended, width: width, tokens: tokens)
    normalize(weights.attentionNorm, rows: tokens)
    feedForward(weights, layer.activation.kernel, tokens: tokens)
    normalize(weights.outputNorm, rows: tokens)
  }

  /// hidden += down(activation(up(hidden))).
  private func feedForward(_ weights: EncoderLayerWeights, _ activation: ck_activation, tokens: Int) {
    let (tables, width, wide) = (model.tables, model.architecture.hiddenSize, weights.up.outputs)
    if model.panels.panels(of: weights.up) != nil, model.panels.panels(of: weights.down) != nil {
      let up = Product(matrix: weights.up, y: space.wide, stride: wide, activation: activation)
      multiply([up], by: space.hidden, width: width, tokens: tokens)
      let down = Product(matrix: weights.down, y: space.hidden, stride: width, accumulates: true)
      return multiply([down], by: space.wide, width: wide, tokens: tokens)
    }
    var block = ck_feed_forward(
      activation: activation, gate: ck_output(), up: tables.output(weights.up, into: nil, stride: 0),
      down: tables.output(weights.down, into: space.hidden, stride: width, accumulates: true))
    var input = ck_input(
      x: space.hidden, stride: width, inputs: Int32(width), tokens: Int32(tokens), norm: ck_norm())
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

  private func normalize(_ norm: NormID?, rows: Int) {
    let width = model.architecture.hiddenSize
    RowWork(isa: isa, norm: model.tables.norm(norm), rows: space.hidden, stride: width, width: width, count: rows)
      .run(pool)
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
