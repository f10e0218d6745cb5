// SPDX-License-Identifier: Apache-2.0
// What adapters add to the products of a step: y += up · (down · x), for the rows of the sequences that have one. Rows
// without an adapter go their usual way, to the bit.

import CKernels
import Models

extension Forward {
  /// Notes which rows of the batch have an adapter.
  mutating func findAdapted(_ batch: StepBatch) {
    adapted.removeAll(keepingCapacity: true)
    guard adapters != nil else { return }
    for entry in batch.entries where entry.count > 0 {
      noteRows(of: entry.sequence, first: entry.start, count: entry.count)
    }
  }

  /// The same after only the wanted rows were left.
  mutating func keepAdapted(_ batch: StepBatch) {
    guard !adapted.isEmpty else { return }
    adapted.removeAll(keepingCapacity: true)
    var row = 0
    for entry in batch.entries where entry.rows > 0 {
      noteRows(of: entry.sequence, first: row, count: entry.rows)
      row += entry.rows
    }
  }

  private mutating func noteRows(of sequence: SequenceID, first: Int, count: Int) {
    let adapter = pages.slots[Int(sequence.slot)].adapter
    if adapter >= 0 { adapted.append(AdaptedRows(first: first, count: count, adapter: adapter)) }
  }

  /// Adds what adapters add to queries, keys and values.
  func adaptProjections(_ plan: LayerPlan) {
    for number in 0..<Int(plan.projectionCount) {
      adapt(
        .projection(number), plan, plan.input, into: plan.projections[number].y, stride: plan.projections[number].stride
      )
    }
  }

  /// Adds what adapters add to a product of all rows.
  func adapt(
    _ place: AdapterPlace, _ plan: LayerPlan, _ input: ck_input, into y: UnsafeMutablePointer<Float>, stride: Int
  ) {
    for rows in adapted { adapt(place, plan, input, into: y, stride: stride, rows: rows) }
  }

  private func adapt(
    _ place: AdapterPlace, _ plan: LayerPlan, _ input: ck_input, into y: UnsafeMutablePointer<Float>, stride: Int,
    rows: AdaptedRows
  ) {
    guard let factors = adapters?.factors(rows.adapter, layer: plan.index, place) else { return }
    var input = self.rows(of: input, rows)
    let rank = Int(factors.down.pointee.rows)
    var down = ck_output()
    (down.weight, down.y, down.stride) = (factors.down, adapterSpace.narrow, rank)
    ck_project(pool, isa, &input, &down, 1, adapterSpace.scratch)
    var up = ck_output()
    (up.weight, up.y, up.stride, up.accumulate) = (factors.up, y + rows.first * stride, stride, true)
    ck_linear(pool, isa, &up, 1, adapterSpace.narrow, Int32(rank), Int32(rows.count), adapterSpace.scratch)
  }

  private func rows(of input: ck_input, _ rows: AdaptedRows) -> ck_input {
    var input = input
    input.x += rows.first * input.stride
    input.tokens = Int32(rows.count)
    return input
  }

  /// The dense feed-forward of a batch in which some rows have adapters: the others go through it as they always do.
  func feedAdapted(_ plan: LayerPlan, tokens: Int) {
    var next = 0
    for rows in adapted {
      if rows.first > next { feedPlain(plan, AdaptedRows(first: next, count: rows.first - next, adapter: -1)) }
      feedAdapted(plan, rows)
      next = rows.first + rows.count
    }
    if next < tokens { feedPlain(plan, AdaptedRows(first: next, count: tokens - next, adapter: -1)) }
  }

  private func feedPlain(_ plan: LayerPlan, _ rows: AdaptedRows) {
    var (input, block) = (self.rows(of: plan.feedInput, rows), plan.feed)
    block.down.y += rows.first * block.down.stride
    ck_feed(pool, isa, &input, &block, space.scratch)
  }

  private func feedAdapted(_ plan: LayerPlan, _ rows: AdaptedRows) {
    let block = plan.feed
    let isGated = block.gate.packed != nil || block.gate.weight != nil
    let wide = Int(block.up.packed?.pointee.rows ?? block.up.weight.pointee.rows)
    var outputs = [block.up]
    outputs[0].y = adapterSpace.up
    if isGated {
      outputs.append(block.gate)
      outputs[1].y = adapterSpace.gate
    }
    for index in outputs.indices { outputs[index].stride = wide }
    var input = self.rows(of: plan.feedInput, rows)
    ck_project(pool, isa, &input, &outputs, Int32(outputs.count), adapterSpace.scratch)
    // The buffers hold these rows alone, from their start.
    let own = AdaptedRows(first: 0, count: rows.count, adapter: rows.adapter)
    if isGated { adapt(.gate, plan, input, into: adapterSpace.gate, stride: wide, rows: own) }
    adapt(.up, plan, input, into: adapterSpace.up, stride: wide, rows: own)
    ActivatedRows(
      isa: isa, activation: block.activation, gate: isGated ? adapterSpace.gate : nil, up: adapterSpace.up,
      result: adapterSpace.up, width: wide, count: rows.count
    ).run(pool)
    var down = block.down
    down.y += rows.first * down.stride
    ck_linear(pool, isa, &down, 1, adapterSpace.up, Int32(wide), Int32(rows.count), adapterSpace.scratch)
    let hidden = ck_input(x: adapterSpace.up, stride: wide, inputs: Int32(wide), tokens: 0, norm: ck_norm())
    adapt(.down, plan, hidden, into: down.y, stride: down.stride, rows: own)
  }
}
