// SPDX-License-Identifier: Apache-2.0
// Attention with a gate on each head (Qwen3-Next): its matrix of the queries gives each head a query, then a gate.

import CKernels
import Models

extension Forward {
  /// Moves the queries from beside their gates to where the attention reads them.
  func gather(_ plan: LayerPlan, _ gated: UnsafeMutablePointer<Float>, tokens: Int) {
    let (stride, heads) = (plan.heads.query_stride, Int(plan.attention.heads))
    let size = plan.queryWidth / heads
    for token in 0..<tokens {
      let (from, to) = (gated + token * stride, plan.heads.queries + token * stride)
      for head in 0..<heads { (to + head * size).update(from: from + 2 * head * size, count: size) }
    }
  }

  /// Multiplies what each head attended to by the sigmoid of its gate.
  func gate(_ plan: LayerPlan, _ gated: UnsafeMutablePointer<Float>) {
    let (stride, heads) = (plan.heads.query_stride, Int(plan.attention.heads))
    let size = plan.queryWidth / heads
    for index in 0..<liveEntries {
      let entry = space.entries[index]
      guard let queries = entry.queries, let out = entry.out else { continue }
      // The row of an entry's first token, found by its queries.
      let first = (queries - UnsafePointer(plan.heads.queries)) / stride
      for token in 0..<Int(entry.tokens) {
        let gates = gated + (first + token) * stride
        for head in 0..<heads {
          ck_gate(isa, gates + (2 * head + 1) * size, Int32(size), out + token * plan.queryWidth + head * size)
        }
      }
    }
  }
}
