// SPDX-License-Identifier: Apache-2.0
// A step's way through the model, as the paper has it: embedding, layers, output.

import CKernels
import Models

extension Forward {
  /// hidden = the tokens' rows of the embedding.
  func embed(_ batch: StepBatch) {
    let (width, scale) = (model.architecture.hiddenSize, model.architecture.embedding.scale)
    let (tables, embedding) = (model.weights.tables, model.weights.embedding)
    for (row, token) in batch.tokens.enumerated() {
      tables.row(token, of: embedding, into: space.hidden + row * width)
    }
    if scale != 1 { ck_scale(space.hidden, scale, Int32(batch.tokenCount * width)) }
  }

  /// Cosines and sines of every token's position.
  func rotate(_ batch: StepBatch) {
    for entry in batch.entries {
      let slot = pages.slots[Int(entry.sequence.slot)]
      rotations.fill(
        position: slot.length, count: entry.count, total: max(slot.expectedLength, slot.length + entry.count),
        row: entry.start, stepTokens: stepTokens, width: space.ropeWidth, cosines: space.cosines, sines: space.sines)
    }
  }

  /// One layer. In the last one only the rows whose logits are wanted go on after the past is stored.
  /// - Parameter isProjected: the layer before has made the projections.
  /// - Returns: whether those of the next layer are made.
  mutating func layer(_ plan: LayerPlan, _ batch: StepBatch, isProjected: Bool, isLast: Bool) -> Bool {
    if plan.mixer.attends { fillEntries(plan, batch) }
    if !isProjected { project(plan, batch) }
    if !isLast, runAtOnce(plan, batch) { return true }
    finish(plan, batch, isLast: isLast)
    return false
  }

  /// What follows the projections, piece by piece.
  private mutating func finish(_ plan: LayerPlan, _ batch: StepBatch, isLast: Bool) {
    if !adapted.isEmpty { adaptProjections(plan) }
    switch plan.mixer {
    case .attention: store(plan, batch)
    case .latent(let latent):
      prepare(latent.pointee, plan, tokens: batch.tokenCount)
      store(plan, batch)
    case .deltaNet(let net): recur(net.pointee, batch)
    }
    let tokens = isLast ? keepWanted(plan, batch) : batch.tokenCount
    guard tokens > 0 else { return }
    if isLast { keepAdapted(batch) }
    attend(plan, tokens: tokens)
    var (input, output, block) = (plan.attended, plan.attentionOutput, plan.feed)
    input.tokens = Int32(tokens)
    ck_expect_feed(pool, &block, input.tokens)
    ck_project(pool, isa, &input, &output, 1, space.scratch)
    adapt(.output, plan, input, into: output.y, stride: output.stride)
    if !plan.isParallel { add(plan.attentionResidual, rows: tokens) }
    feed(plan, tokens: tokens)
  }

  /// The products of all tokens: queries, keys and values, or what the mixer has in their place.
  private mutating func project(_ plan: LayerPlan, _ batch: StepBatch) {
    var (input, attention) = (plan.input, plan.attention)
    input.tokens = Int32(batch.tokenCount)
    if plan.mixer.attends { ck_expect_attention(pool, &attention, space.entries, Int32(liveEntries)) }
    ck_project(pool, isa, &input, plan.projections, plan.projectionCount, space.scratch)
  }

  /// Norms and rotations of queries and keys, and keys and values into the cache.
  private func store(_ plan: LayerPlan, _ batch: StepBatch) {
    let (tokens, stride) = (batch.tokenCount, plan.heads.query_stride)
    if let gated = plan.gated { gather(plan, gated, tokens: tokens) }
    normalize(plan.wholeQueryNorm, plan.heads.queries, stride: stride, width: plan.queryWidth, rows: tokens)
    normalize(plan.wholeKeyNorm, plan.heads.keys, stride: stride, width: plan.keyValueWidth, rows: tokens)
    var (heads, attention) = (rotated(plan), plan.attention)
    ck_attention_store(pool, isa, &attention, &heads, space.entries, Int32(liveEntries))
  }

  /// The layer's heads with the cosines and sines of its rope.
  private func rotated(_ plan: LayerPlan) -> ck_heads {
    var heads = plan.heads
    guard plan.rope >= 0 else { return heads }
    let place = plan.rope * stepTokens * space.ropeWidth
    heads.cosine = UnsafePointer(space.cosines + place)
    heads.sine = UnsafePointer(space.sines + place)
    return heads
  }

  /// What follows the projections up to those of the next layer, in one go where the layer is plain and the tokens are few.
  private func runAtOnce(_ plan: LayerPlan, _ batch: StepBatch) -> Bool {
    guard plan.isPlain, adapted.isEmpty else { return false }
    let (next, tokens) = (plans.layers + plan.index + 1, Int32(batch.tokenCount))
    var layer = ck_layer(
      attention: plan.attention, heads: rotated(plan), entries: space.entries, entry_count: Int32(liveEntries),
      attended: plan.attended, output: plan.attentionOutput, feed_input: plan.feedInput, feed: plan.feed,
      next: next.pointee.input, next_outputs: next.pointee.projections, next_count: next.pointee.projectionCount)
    layer.attended.tokens = tokens
    layer.feed_input.tokens = tokens
    layer.next.tokens = tokens
    guard ck_layer_is_one_job(&layer) else { return false }
    ck_run_layer(pool, isa, &layer, space.scratch)
    return true
  }

  /// What the heads see, into the input of the output matrix; a recurrent layer has it there already.
  private func attend(_ plan: LayerPlan, tokens: Int) {
    var (attention, output) = (plan.attention, plan.attentionOutput)
    switch plan.mixer {
    case .attention:
      ck_expect(pool, &output, 1, Int32(tokens))
      ck_attend(pool, isa, &attention, space.entries, Int32(liveEntries), space.scratch)
      if let gated = plan.gated { gate(plan, gated) }
    case .latent(let latent):
      ck_attend(pool, isa, &attention, space.entries, Int32(liveEntries), space.scratch)
      expand(latent.pointee, tokens: tokens)
    case .deltaNet: break
    }
  }

  /// The attention's entries: all tokens of all sequences.
  private mutating func fillEntries(_ plan: LayerPlan, _ batch: StepBatch) {
    liveEntries = 0
    for entry in batch.entries where entry.count > 0 {
      space.entries[liveEntries] = ck_attention_entry(
        pages: pages.table(entry.sequence.slot),
        first_position: Int32(pages.slots[Int(entry.sequence.slot)].length), tokens: Int32(entry.count),
        queries: UnsafePointer(space.heads + entry.start * plan.heads.query_stride),
        out: space.attended + entry.start * plan.queryWidth)
      liveEntries += 1
    }
  }

  /// Leaves only the wanted rows: their hidden states move to the front, and only their queries attend.
  /// - Returns: how many there are.
  private mutating func keepWanted(_ plan: LayerPlan, _ batch: StepBatch) -> Int {
    let (width, attended) = (model.architecture.hiddenSize, plan.queryWidth)
    var row = 0
    liveEntries = 0
    for entry in batch.entries where entry.rows > 0 {
      let first = entry.count - entry.rows
      let source = entry.start + first
      space.entries[liveEntries] = ck_attention_entry(
        pages: pages.table(entry.sequence.slot),
        first_position: Int32(pages.slots[Int(entry.sequence.slot)].length + first), tokens: Int32(entry.rows),
        queries: UnsafePointer(space.heads + source * plan.heads.query_stride), out: space.attended + row * attended)
      (space.hidden + row * width).update(from: space.hidden + source * width, count: entry.rows * width)
      if !plan.mixer.attends {
        (space.attended + row * attended).update(from: space.attended + source * attended, count: entry.rows * attended)
      }
      liveEntries += 1
      row += entry.rows
    }
    return row
  }

  private mutating func feed(_ plan: LayerPlan, tokens: Int) {
    if let experts = plan.experts {
      mix(plan, experts.pointee, tokens: tokens)
    } else if !adapted.isEmpty {
      feedAdapted(plan, tokens: tokens)
    } else {
      var (input, block) = (plan.feedInput, plan.feed)
      input.tokens = Int32(tokens)
      expectNext(plan, tokens: input.tokens)
      ck_feed(pool, isa, &input, &block, space.scratch)
    }
    add(plan.feedResidual, rows: tokens)
    if plan.isParallel { add(plan.attentionResidual, rows: tokens) }
  }

  /// Tells the kernels what comes after a layer: the next one's projections, or the output matrix.
  private func expectNext(_ plan: LayerPlan, tokens: Int32) {
    if plan.index + 1 < plans.count {
      let next = plans.layers + plan.index + 1
      ck_expect(pool, next.pointee.projections, next.pointee.projectionCount, tokens)
    } else {
      var output = model.weights.tables.output(model.weights.output, into: nil, stride: 0)
      ck_expect(pool, &output, 1, tokens)
    }
  }

  /// Adds `space.added` to the residual stream, unless the product did.
  private func add(_ residual: Residual, rows: Int) {
    guard !residual.isDirect else { return }
    let width = model.architecture.hiddenSize
    RowWork(
      isa: isa, norm: residual.norm, rows: space.added, stride: width, width: width, count: rows,
      stream: space.hidden, scale: residual.scale
    ).run(pool)
  }

  private func normalize(_ norm: ck_norm, _ rows: UnsafeMutablePointer<Float>, stride: Int, width: Int, rows count: Int)
  {
    RowWork(isa: isa, norm: norm, rows: rows, stride: stride, width: width, count: count).run(pool)
  }

  /// Logits nearer to the largest than this are computed without rounding the input, which could change their order.
  /// Ten times what rounding adds to them (docs/precision.md).
  private static let nearLogits: Float = 0.25

  /// Logits of the first rows of `space.hidden`.
  func head(rows: Int) {
    guard rows > 0 else { return }
    let architecture = model.architecture
    let (hidden, vocabulary) = (architecture.hiddenSize, architecture.vocabularySize)
    let tables = model.weights.tables
    var input = ck_input(
      x: space.hidden, stride: hidden, inputs: Int32(hidden), tokens: Int32(rows),
      norm: tables.norm(model.weights.finalNorm))
    var output = tables.output(model.weights.output, into: space.logits, stride: vocabulary)
    ck_expect(pool, plans.layers[0].projections, plans.layers[0].projectionCount, Int32(rows))
    ck_project(pool, isa, &input, &output, 1, space.scratch)
    ck_refine(pool, isa, &input, &output, Self.nearLogits / abs(architecture.output.scale), space.scratch)
    for row in 0..<rows {
      let logits = space.logits + row * vocabulary
      if architecture.output.scale != 1 { ck_scale(logits, architecture.output.scale, Int32(vocabulary)) }
      if let cap = architecture.output.softCap { ck_soft_cap(logits, cap, Int32(vocabulary)) }
    }
  }
}
