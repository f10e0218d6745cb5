// SPDX-License-Identifier: Apache-2.0
// Gated delta nets: each sequence's tokens pass its state in order.

import CKernels
import Models

extension Forward {
  /// What the heads read from their states, into `space.attended`; the states move on.
  func recur(_ plan: DeltaNetPlan, _ batch: StepBatch) {
    var net = plan.net
    let width = Int(net.value_heads) * Int(net.value_size)
    var live = 0
    for entry in batch.entries where entry.count > 0 {
      space.deltaEntries[live] = ck_delta_entry(
        state: states.state(entry.sequence.slot, at: plan.statePlace), input: plan.input + entry.start * net.stride,
        rates: plan.rates + entry.start * net.stride, out: space.attended + entry.start * width,
        tokens: Int32(entry.count))
      live += 1
    }
    ck_delta_step(pool, isa, &net, space.deltaEntries, Int32(live), space.scratch)
  }
}
