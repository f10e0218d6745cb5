// SPDX-License-Identifier: Apache-2.0
// Buffers for adapters, and which rows of a step have one.

import CKernels
import Models

/// Rows of a step that belong to sequences with one adapter.
struct AdaptedRows {
  var first: Int
  var count: Int
  /// Place among the model's adapters; -1 for none.
  var adapter: Int
}

/// Buffers for `S` tokens a step, resident only where they have been used.
struct AdapterSpace: ~Copyable {
  let narrow: UnsafeMutablePointer<Float>  // [S, largest rank]
  let gate: UnsafeMutablePointer<Float>  // [S, widest feed-forward]
  let up: UnsafeMutablePointer<Float>  // as gate
  let scratch: UnsafeMutableRawPointer
  private let memory: AnonymousMemory

  /// - Parameter rank: of the adapter with the largest; 0 without adapters, and nothing is kept.
  init(_ architecture: Architecture, rank: Int, tokens: Int, threads: Int) throws(InferenceProblem) {
    let wide = architecture.layers.map(\.feedForward.width).max() ?? 0
    let rows = architecture.layers.map { MixerRow($0.mixer) }
    let inputs = max(architecture.hiddenSize, wide, rank, rows.map(\.width).max() ?? 0, rows.map(\.attended).max() ?? 0)
    let scratchBytes = rank > 0 ? ck_linear_scratch(Int32(inputs), Int32(tokens), Int32(threads)) : 0
    let sizes = [rank, wide, wide].map { rank > 0 ? ($0 * tokens * 4).roundedUp(to: 64) : 0 }
    let memory = try AnonymousMemory(byteCount: sizes.reduce(0, +) + scratchBytes, hugePages: false)
    narrow = memory.base.assumingMemoryBound(to: Float.self)
    gate = (memory.base + sizes[0]).assumingMemoryBound(to: Float.self)
    up = (memory.base + sizes[0] + sizes[1]).assumingMemoryBound(to: Float.self)
    scratch = memory.base + sizes[0] + sizes[1] + sizes[2]
    self.memory = memory
  }
}
