// SPDX-License-Identifier: Apache-2.0
// A layer as the kernels are called with it: every pointer and stride worked out once, so that a step only fills in
// how many tokens there are.

import CKernels
import Models

/// One layer's kernel arguments. Trivial: copied without reference counting.
struct LayerPlan {
  /// Number of the layer.
  var index = 0
  var mixer: MixerPlan
  /// Input of the projections, with the norm before attention.
  var input = ck_input()
  var projections: UnsafeMutablePointer<ck_output>
  var projectionCount: Int32
  var heads = ck_heads()
  /// Place of its rope in `Architecture.ropes`, -1 for none.
  var rope: Int
  /// Norms over all queries and all keys (OLMo 2); those over single heads are in `heads`.
  var wholeQueryNorm = ck_norm()
  var wholeKeyNorm = ck_norm()
  var queryWidth: Int
  var keyValueWidth: Int
  /// Queries that lie beside their gates, to be moved to their place; nil when they are not gated.
  var gated: UnsafeMutablePointer<Float>?
  var attention = ck_attention()
  /// Input of the output matrix.
  var attended = ck_input()
  var attentionOutput = ck_output()
  var attentionResidual = Residual()
  var feedInput = ck_input()
  var feed = ck_feed_forward()
  /// Set when the second half is a mixture of experts: `feed` is unused then.
  var experts: UnsafeMutablePointer<ExpertsPlan>?
  var feedResidual = Residual()
  var isParallel: Bool

  /// Nothing but attention and a dense feed-forward block, both added to the residual stream by their last product.
  var isPlain: Bool {
    guard case .attention = mixer else { return false }
    return gated == nil && experts == nil && !isParallel && attentionResidual.isDirect && feedResidual.isDirect
      && wholeQueryNorm.kind == CK_NORM_NONE && wholeKeyNorm.kind == CK_NORM_NONE
  }
}

/// How the result of a half joins the residual stream.
struct Residual {
  /// Norm before it is added.
  var norm = ck_norm()
  var scale: Float = 1
  /// The product adds to the stream itself: neither norm nor scale stand between.
  var isDirect = false
}

/// All layers' plans; frees what they point to.
struct Plans: ~Copyable {
  let layers: UnsafeMutablePointer<LayerPlan>
  let count: Int

  /// Makes the plans of a model over the buffers of a workspace.
  /// - Parameters:
  ///   - caches: the cache as each layer sees it.
  ///   - statePlaces: where each layer's recurrent state begins.
  init(_ model: LoadedModel, space: borrowing Workspace, caches: [ck_cache], statePlaces: [Int]) {
    count = model.architecture.layers.count
    layers = .allocate(capacity: count)
    for index in 0..<count {
      let maker = PlanMaker(
        tables: model.weights.tables, layer: model.architecture.layers[index], weights: model.weights.layers[index],
        hiddenSize: model.architecture.hiddenSize)
      (layers + index).initialize(
        to: maker.plan(
          space, cache: caches[index], ropes: model.architecture.ropes, statePlace: statePlaces[index]))
      layers[index].index = index
    }
  }

  deinit {
    for index in 0..<count {
      layers[index].projections.deallocate()
      layers[index].mixer.deallocate()
      layers[index].experts?.pointee.experts.deallocate()
      layers[index].experts?.deallocate()
    }
    layers.deallocate()
  }
}

/// Works out the plan of one layer.
private struct PlanMaker {
  let tables: WeightTables
  let layer: LayerDescription
  let weights: LayerWeights
  let hiddenSize: Int

  func plan(_ space: borrowing Workspace, cache: ck_cache, ropes: [Rope], statePlace: Int) -> LayerPlan {
    var plan =
      switch (layer.mixer, weights.mixer) {
      case (.attention(let attention), .attention(let weights)):
        self.attention(attention, weights, space, cache: cache, ropes: ropes)
      case (.latent(let latent), .latent(let weights)): self.latent(latent, weights, space, cache: cache, ropes: ropes)
      case (.deltaNet(let net), .deltaNet(let weights)): deltaNet(net, weights, space, statePlace: statePlace)
      default: preconditionFailure("weights of another kind of layer")
      }
    plan.isParallel = layer.isParallel
    plan.input = input(space.hidden, weights.preAttention)
    plan.feedInput = input(space.hidden, layer.isParallel ? weights.preAttention : weights.preFeedForward)
    plan.feedResidual = residual(weights.postFeedForward, isDirect: true)
    switch (layer.feedForward, weights.feedForward) {
    case (.dense(let mlp), .dense(let matrices)):
      // In a parallel layer `added` still holds what attention adds.
      plan.feed = feed(
        matrices, mlp.activation, into: plan.feedResidual.isDirect ? space.hidden : space.added,
        accumulates: plan.feedResidual.isDirect)
    case (.experts(let mixture), .experts(let matrices)):
      plan.feedResidual.isDirect = false
      plan.experts = .allocate(capacity: 1)
      plan.experts?.initialize(to: experts(mixture, matrices, space))
    default: preconditionFailure("weights of another kind of layer")
    }
    if weights.isFine { plan.refine() }
    return plan
  }

  private func attention(
    _ attention: Attention, _ weights: AttentionWeights, _ space: borrowing Workspace, cache: ck_cache, ropes: [Rope]
  ) -> LayerPlan {
    let row = MixerRow(layer.mixer)
    let gated = attention.isGated ? space.heads + row.entries[3] : nil
    // A fused matrix writes all parts; separate ones each their own.
    var targets = row.entries
    if attention.isGated { targets[0] = row.entries[3] }
    var plan = LayerPlan(
      mixer: .attention, projections: projections(weights.queryKeyValue, space.heads, targets, stride: row.width),
      projectionCount: Int32(weights.queryKeyValue.count), rope: attention.rope ?? -1,
      queryWidth: attention.queryWidth, keyValueWidth: attention.keyValueWidth, gated: gated, isParallel: false)
    plan.heads = heads(attention, weights, space.heads, row, rope: attention.rope.map { ropes[$0] })
    if attention.queryNorm?.perHead == false { plan.wholeQueryNorm = tables.norm(weights.queryNorm) }
    if attention.keyNorm?.perHead == false { plan.wholeKeyNorm = tables.norm(weights.keyNorm) }
    plan.attention = ck_attention(attention, cache: cache, row: row)
    plan.attention.sinks = tables.vector(weights.sinks)
    finish(&plan, weights.output, from: space.attended, stride: row.attended, space)
    return plan
  }

  private func latent(
    _ latent: LatentAttention, _ weights: LatentWeights, _ space: borrowing Workspace, cache: ck_cache, ropes: [Rope]
  ) -> LayerPlan {
    let row = MixerRow(layer.mixer)
    let (start, stride) = (space.heads, row.width)
    let keySize = latent.ropeSize + latent.rank
    func each(_ matrices: [MatrixID], into y: Int, apart: Int) -> UnsafeMutablePointer<ck_output> {
      let outputs = UnsafeMutablePointer<ck_output>.allocate(capacity: matrices.count)
      for (head, matrix) in matrices.enumerated() {
        (outputs + head).initialize(to: tables.output(matrix, into: start + y + head * apart, stride: stride))
      }
      return outputs
    }
    var inner = LatentPlan(
      heads: latent.heads, plainSize: latent.plainSize, ropeSize: latent.ropeSize, rank: latent.rank,
      compressionNorm: tables.norm(weights.compressionNorm),
      keys: each(weights.keys, into: latent.ropeSize, apart: keySize),
      values: each(weights.values, into: row.entries[5], apart: latent.valueSize), queries: start,
      key: start + row.entries[1], rawQueries: start + row.entries[2], compressed: start + row.entries[3])
    let isNarrow = weights.query.count > 1
    if isNarrow {
      inner.narrowQuery = ck_input(
        x: start + row.entries[4], stride: stride, inputs: Int32(weights.query[0].outputs), tokens: 0,
        norm: tables.norm(weights.queryNorm))
      inner.queryUp = tables.output(weights.query[1], into: inner.rawQueries, stride: stride)
    }
    let kept = UnsafeMutablePointer<LatentPlan>.allocate(capacity: 1)
    kept.initialize(to: inner)
    var plan = LayerPlan(
      mixer: .latent(kept),
      projections: projections(
        [weights.query[0], weights.compression], start, [row.entries[isNarrow ? 4 : 2], row.entries[3]],
        stride: stride),
      projectionCount: 2, rope: latent.rope, queryWidth: row.attended, keyValueWidth: keySize, isParallel: false)
    plan.heads.queries = inner.queries
    plan.heads.keys = inner.key
    plan.heads.values = UnsafePointer(inner.key + latent.ropeSize)
    (plan.heads.query_stride, plan.heads.key_stride, plan.heads.value_stride) = (stride, stride, stride)
    plan.heads.rope_half = Int32(latent.ropeSize / 2)
    plan.heads.interleaved = ropes[latent.rope].isInterleaved
    plan.attention = ck_attention(latent, cache: cache, row: row)
    finish(&plan, weights.output, from: start + row.entries[5], stride: stride, space)
    return plan
  }

  private func deltaNet(
    _ net: GatedDeltaNet, _ weights: DeltaNetWeights, _ space: borrowing Workspace, statePlace: Int
  ) -> LayerPlan {
    let row = MixerRow(layer.mixer)
    let kept = UnsafeMutablePointer<DeltaNetPlan>.allocate(capacity: 1)
    kept.initialize(
      to: DeltaNetPlan(
        net: tables.deltaNet(net, weights, stride: row.width), input: UnsafePointer(space.heads + row.entries[0]),
        rates: UnsafePointer(space.heads + row.entries[1]), statePlace: statePlace))
    var plan = LayerPlan(
      mixer: .deltaNet(kept),
      projections: projections([weights.input, weights.rates], space.heads, row.entries, stride: row.width),
      projectionCount: 2, rope: -1, queryWidth: row.attended, keyValueWidth: 0, isParallel: false)
    finish(&plan, weights.output, from: space.attended, stride: row.attended, space)
    return plan
  }

  /// The output matrix and what becomes of its result.
  private func finish(
    _ plan: inout LayerPlan, _ output: MatrixID, from x: UnsafeMutablePointer<Float>, stride: Int,
    _ space: borrowing Workspace
  ) {
    plan.attentionResidual = residual(weights.postAttention, isDirect: !layer.isParallel)
    plan.attended = ck_input(x: x, stride: stride, inputs: Int32(output.inputs), tokens: 0, norm: ck_norm())
    plan.attentionOutput = tables.output(
      output, into: plan.attentionResidual.isDirect ? space.hidden : space.added, stride: hiddenSize,
      accumulates: plan.attentionResidual.isDirect)
  }

  private func input(_ x: UnsafeMutablePointer<Float>, _ norm: NormID?) -> ck_input {
    ck_input(x: x, stride: hiddenSize, inputs: Int32(hiddenSize), tokens: 0, norm: tables.norm(norm))
  }

  private func residual(_ norm: NormID?, isDirect: Bool) -> Residual {
    Residual(
      norm: tables.norm(norm), scale: layer.residualScale,
      isDirect: isDirect && norm == nil && layer.residualScale == 1)
  }

  /// Products into the parts of a row.
  private func projections(
    _ matrices: [MatrixID], _ row: UnsafeMutablePointer<Float>, _ places: [Int], stride: Int
  ) -> UnsafeMutablePointer<ck_output> {
    let outputs = UnsafeMutablePointer<ck_output>.allocate(capacity: matrices.count)
    for (index, matrix) in matrices.enumerated() {
      (outputs + index).initialize(to: tables.output(matrix, into: row + places[index], stride: stride))
    }
    return outputs
  }

  private func heads(
    _ attention: Attention, _ weights: AttentionWeights, _ start: UnsafeMutablePointer<Float>, _ row: MixerRow,
    rope: Rope?
  ) -> ck_heads {
    var heads = ck_heads()
    heads.queries = start
    heads.keys = start + row.entries[1]
    heads.values = UnsafePointer(start + row.entries[2])
    (heads.query_stride, heads.key_stride, heads.value_stride) = (row.width, row.width, row.width)
    if let norm = weights.queryNorm, attention.queryNorm?.perHead == true {
      heads.query_norm = tables.vector(norm.weight)
      heads.norm_offset = norm.weightOffset
      heads.norm_epsilon = norm.epsilon
    }
    if let norm = weights.keyNorm, attention.keyNorm?.perHead == true { heads.key_norm = tables.vector(norm.weight) }
    heads.rope_half = Int32((rope?.size ?? 0) / 2)
    heads.interleaved = rope?.isInterleaved ?? false
    return heads
  }

  private func feed(
    _ mlp: MLPWeights, _ activation: Activation, into y: UnsafeMutablePointer<Float>, accumulates: Bool
  ) -> ck_feed_forward {
    ck_feed_forward(
      activation: activation.kernel, gate: mlp.gate.map { tables.output($0, into: nil, stride: 0) } ?? ck_output(),
      up: tables.output(mlp.up, into: nil, stride: 0),
      down: tables.output(mlp.down, into: y, stride: hiddenSize, accumulates: accumulates))
  }

  private func experts(
    _ mixture: MixtureOfExperts, _ weights: ExpertsWeights, _ space: borrowing Workspace
  ) -> ExpertsPlan {
    let feeds = UnsafeMutablePointer<ck_feed_forward>.allocate(capacity: weights.experts.count)
    for (index, expert) in weights.experts.enumerated() {
      (feeds + index).initialize(to: feed(expert, mixture.activation, into: space.produced, accumulates: false))
    }
    let shared = mixture.shared.map { $0.mlp.activation } ?? mixture.activation
    return ExpertsPlan(
      router: tables.output(weights.router, into: space.routing, stride: mixture.count), experts: feeds,
      choice: ExpertChoice(mixture, bias: tables.vector(weights.choiceBias)),
      shared: weights.shared.map { feed($0, shared, into: space.produced, accumulates: false) },
      sharedGate: weights.sharedGate.map { tables.output($0, into: space.routing, stride: 1) })
  }
}

extension ck_attention {
  /// The kernel's description of a layer's attention.
  init(_ attention: Attention, cache: ck_cache, row: MixerRow) {
    self.init()
    self.cache = cache
    heads = Int32(attention.heads)
    scale = attention.scale
    soft_cap = attention.softCap ?? 0
    window = Int32(attention.window ?? 0)
    query_stride = row.width
    out_stride = row.attended
  }
}

extension ck_attention {
  /// The kernel's description of latent attention: one head of compressed vectors that all queries meet.
  init(_ latent: LatentAttention, cache: ck_cache, row: MixerRow) {
    self.init()
    self.cache = cache
    heads = Int32(latent.heads)
    scale = latent.scale
    query_stride = row.width
    out_stride = row.attended
  }
}

extension ck_delta_net {
  /// The sizes of a recurrent layer, without its weights.
  init(_ net: GatedDeltaNet) {
    self.init()
    (key_heads, value_heads) = (Int32(net.keyHeads), Int32(net.valueHeads))
    (key_size, value_size) = (Int32(net.keySize), Int32(net.valueSize))
    kernel = Int32(net.kernel)
    epsilon = net.norm.epsilon
  }
}

extension Activation {
  /// The kernel's name for it.
  var kernel: ck_activation {
    switch self {
    case .silu: ck_activation(kind: CK_SILU, limit: 0)
    case .gelu: ck_activation(kind: CK_GELU, limit: 0)
    case .geluTanh: ck_activation(kind: CK_GELU_TANH, limit: 0)
    case .relu: ck_activation(kind: CK_RELU, limit: 0)
    case .clampedSwiGLU(let limit): ck_activation(kind: CK_CLAMPED_SWIGLU, limit: limit)
    }
  }
}
