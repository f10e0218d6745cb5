// SPDX-License-Identifier: Apache-2.0
// A layer as the kernels are called with it: every pointer and stride worked out once, so that a step only fills in
// how many tokens there are.

import CKernels
import Models

/// One layer's kernel arguments. Trivial: copied without reference counting.
struct LayerPlan {
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
  var attention = ck_attention()
  var attentionOutput = ck_output()
  var attentionResidual = Residual()
  var feedInput = ck_input()
  var feed = ck_feed_forward()
  /// Set when the second half is a mixture of experts: `feed` is unused then.
  var experts: UnsafeMutablePointer<ExpertsPlan>?
  var feedResidual = Residual()
  var isParallel: Bool
}

/// How the result of a half joins the residual stream.
struct Residual {
  /// Norm before it is added.
  var norm = ck_norm()
  var scale: Float = 1
  /// The product adds to the stream itself: neither norm nor scale stand between.
  var isDirect = false
}

/// A mixture of experts as the kernels are called with it.
struct ExpertsPlan {
  var router: ck_output
  var experts: UnsafeMutablePointer<ck_feed_forward>
  var count: Int
  var perToken: Int
  var normalizesChosen: Bool
}

/// All layers' plans; frees what they point to.
struct Plans: ~Copyable {
  let layers: UnsafeMutablePointer<LayerPlan>
  let count: Int

  /// Makes the plans of a model over the buffers of a workspace.
  /// - Parameter caches: the cache as each layer sees it.
  init(_ model: LoadedModel, space: borrowing Workspace, caches: [ck_cache]) {
    count = model.architecture.layers.count
    layers = .allocate(capacity: count)
    for index in 0..<count {
      let maker = PlanMaker(
        tables: model.weights.tables, layer: model.architecture.layers[index], weights: model.weights.layers[index],
        hiddenSize: model.architecture.hiddenSize)
      (layers + index).initialize(to: maker.plan(space, cache: caches[index], ropes: model.architecture.ropes))
    }
  }

  deinit {
    for index in 0..<count {
      layers[index].projections.deallocate()
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

  func plan(_ space: borrowing Workspace, cache: ck_cache, ropes: [Rope]) -> LayerPlan {
    let attention = layer.attention
    let width = attention.queryWidth + 2 * attention.keyValueWidth
    var plan = LayerPlan(
      projections: projections(into: space.heads, stride: width), projectionCount: Int32(weights.queryKeyValue.count),
      rope: attention.rope ?? -1, queryWidth: attention.queryWidth, keyValueWidth: attention.keyValueWidth,
      isParallel: layer.isParallel)
    plan.input = input(space.hidden, weights.preAttention)
    plan.heads = heads(space.heads, stride: width, rope: attention.rope.map { ropes[$0] })
    if attention.queryNorm?.perHead == false { plan.wholeQueryNorm = tables.norm(weights.queryNorm) }
    if attention.keyNorm?.perHead == false { plan.wholeKeyNorm = tables.norm(weights.keyNorm) }
    plan.attention = ck_attention(attention, cache: cache)
    plan.attentionResidual = residual(weights.postAttention, isDirect: !layer.isParallel)
    plan.attentionOutput = tables.output(
      weights.attentionOutput, into: plan.attentionResidual.isDirect ? space.hidden : space.added, stride: hiddenSize,
      accumulates: plan.attentionResidual.isDirect)
    plan.feedInput = input(space.hidden, layer.isParallel ? weights.preAttention : weights.preFeedForward)
    plan.feedResidual = residual(weights.postFeedForward, isDirect: true)
    switch (layer.feedForward, weights.feedForward) {
    case (.dense(let mlp), .dense(let matrices)):
      // In a parallel layer `added` still holds what attention adds.
      plan.feed = feed(
        matrices, mlp.activation, into: plan.feedResidual.isDirect ? space.hidden : space.added,
        accumulates: plan.feedResidual.isDirect)
    case (.experts(let mixture), .experts(let router, let experts)):
      plan.feedResidual.isDirect = false
      plan.experts = .allocate(capacity: 1)
      plan.experts?.initialize(to: self.experts(mixture, router, experts, space))
    default: preconditionFailure("weights of another kind of layer")
    }
    return plan
  }

  private func input(_ x: UnsafeMutablePointer<Float>, _ norm: NormID?) -> ck_input {
    ck_input(x: x, stride: hiddenSize, inputs: Int32(hiddenSize), tokens: 0, norm: tables.norm(norm))
  }

  private func residual(_ norm: NormID?, isDirect: Bool) -> Residual {
    Residual(
      norm: tables.norm(norm), scale: layer.residualScale,
      isDirect: isDirect && norm == nil && layer.residualScale == 1)
  }

  private func projections(into y: UnsafeMutablePointer<Float>, stride: Int) -> UnsafeMutablePointer<ck_output> {
    let outputs = UnsafeMutablePointer<ck_output>.allocate(capacity: weights.queryKeyValue.count)
    var place = 0
    for (index, matrix) in weights.queryKeyValue.enumerated() {
      (outputs + index).initialize(to: tables.output(matrix, into: y + place, stride: stride))
      place += matrix.outputs
    }
    return outputs
  }

  private func heads(_ row: UnsafeMutablePointer<Float>, stride: Int, rope: Rope?) -> ck_heads {
    let attention = layer.attention
    var heads = ck_heads()
    heads.queries = row
    heads.keys = row + attention.queryWidth
    heads.values = UnsafePointer(row + attention.queryWidth + attention.keyValueWidth)
    (heads.query_stride, heads.key_stride, heads.value_stride) = (stride, stride, stride)
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
    _ mixture: MixtureOfExperts, _ router: MatrixID, _ experts: [MLPWeights], _ space: borrowing Workspace
  ) -> ExpertsPlan {
    let feeds = UnsafeMutablePointer<ck_feed_forward>.allocate(capacity: experts.count)
    for (index, expert) in experts.enumerated() {
      (feeds + index).initialize(to: feed(expert, mixture.activation, into: space.produced, accumulates: false))
    }
    return ExpertsPlan(
      router: tables.output(router, into: space.routing, stride: mixture.count), experts: feeds, count: mixture.count,
      perToken: mixture.perToken, normalizesChosen: mixture.normalizesChosen)
  }
}

extension ck_attention {
  /// The kernel's description of a layer's attention.
  init(_ attention: Attention, cache: ck_cache) {
    self.init()
    self.cache = cache
    heads = Int32(attention.heads)
    scale = attention.scale
    soft_cap = attention.softCap ?? 0
    window = Int32(attention.window ?? 0)
    query_stride = attention.queryWidth + 2 * attention.keyValueWidth
    out_stride = attention.queryWidth
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
