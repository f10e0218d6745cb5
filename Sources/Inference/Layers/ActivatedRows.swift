// SPDX-License-Identifier: Apache-2.0
// The middle of a feed-forward half whose products are made one by one: activation(gate) * up, or activation(up).

import CKernels

/// Rows [count, width], one behind the other.
struct ActivatedRows {
  var isa: ck_isa
  var activation: ck_activation
  /// nil: the half is not gated.
  var gate: UnsafeMutablePointer<Float>?
  var up: UnsafeMutablePointer<Float>
  /// May be `gate` or `up`.
  var result: UnsafeMutablePointer<Float>
  var width: Int
  var count: Int

  func run(_ pool: OpaquePointer) {
    var work = self
    ck_pool_each(
      pool, Int32(count),
      { context, row, _ in
        guard let work = context?.assumingMemoryBound(to: ActivatedRows.self).pointee else { return }
        let place = Int(row) * work.width
        let (gate, up) = (work.gate.map { $0 + place }, work.up + place)
        ck_activate(
          work.isa, work.activation, gate ?? up, gate == nil ? nil : up, Int32(work.width), work.result + place)
      }, &work)
  }
}
