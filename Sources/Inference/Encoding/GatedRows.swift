// SPDX-License-Identifier: Apache-2.0
// The middle of a gated feed-forward half whose products are made one by one: gate = activation(gate) * up.

import CKernels

/// Rows [count, width], one behind the other.
struct GatedRows {
  var isa: ck_isa
  var activation: ck_activation
  var gate: UnsafeMutablePointer<Float>
  var up: UnsafeMutablePointer<Float>
  var width: Int
  var count: Int

  func run(_ pool: OpaquePointer) {
    var work = self
    ck_pool_each(
      pool, Int32(count),
      { context, row, _ in
        guard let work = context?.assumingMemoryBound(to: GatedRows.self).pointee else { return }
        let gate = work.gate + Int(row) * work.width
        ck_activate(work.isa, work.activation, gate, work.up + Int(row) * work.width, Int32(work.width), gate)
      }, &work)
  }
}
