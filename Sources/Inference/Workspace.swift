// SPDX-License-Identifier: Apache-2.0
// The buffers of a forward pass, allocated once for the largest step.

import CKernels
import Models

/// Buffers of `S` tokens a step; rows one after the other.
struct Workspace: ~Copyable {
  let hidden: UnsafeMutablePointer<Float>  // [S, hidden]
  let normed: UnsafeMutablePointer<Float>  // [S, hidden]
  let added: UnsafeMutablePointer<Float>  // [S, hidden]
  let heads: UnsafeMutablePointer<Float>  // [S, queries | keys | values]
  let attended: UnsafeMutablePointer<Float>  // [S, queries]
  let wide: UnsafeMutablePointer<Float>  // [S, gate | up]
  let active: UnsafeMutablePointer<Float>  // [S, MLP size]
  let logits: UnsafeMutablePointer<Float>  // [S, vocabulary], resident where used
  let cosines: UnsafeMutablePointer<Float>  // [ropes, S, head size / 2]
  let sines: UnsafeMutablePointer<Float>  // as cosines
  let scratch: UnsafeMutableRawPointer
  let ropeWidth: Int
  private let memory: AnonymousMemory

  init(_ architecture: Architecture, stepTokens: Int, threads: Int, attentionScratch: Int) throws(InferenceProblem) {
    let attention = architecture.layers.map(\.attention)
    let mlps = architecture.layers.compactMap { if case .dense(let mlp) = $0.feedForward { mlp } else { nil } }
    let queries = attention.map(\.queryWidth).max() ?? 0
    let headsWidth = attention.map { $0.queryWidth + 2 * $0.keyValueWidth }.max() ?? 0
    let wideWidth = mlps.map { $0.isGated ? 2 * $0.size : $0.size }.max() ?? 0
    let activeWidth = mlps.map(\.size).max() ?? 0
    ropeWidth = (architecture.ropes.map(\.size).max() ?? 0) / 2
    let ropes = ropeWidth * architecture.ropes.count
    let widths = [
      architecture.hiddenSize, architecture.hiddenSize, architecture.hiddenSize, headsWidth, queries, wideWidth,
      activeWidth, architecture.vocabularySize, ropes, ropes,
    ]
    let inputs = max(architecture.hiddenSize, queries, activeWidth)
    let products = ck_linear_scratch(Int32(inputs), Int32(stepTokens), Int32(threads))
    let sizes = widths.map { ($0 * stepTokens * 4).roundedUp(to: 64) }
    memory = try AnonymousMemory(byteCount: sizes.reduce(0, +) + max(products, attentionScratch), hugePages: false)
    var place = memory.base
    var pointers: [UnsafeMutablePointer<Float>] = []
    for size in sizes {
      pointers.append(place.assumingMemoryBound(to: Float.self))
      place += size
    }
    (hidden, normed, added, heads) = (pointers[0], pointers[1], pointers[2], pointers[3])
    (attended, wide, active, logits) = (pointers[4], pointers[5], pointers[6], pointers[7])
    (cosines, sines, scratch) = (pointers[8], pointers[9], place)
  }
}
