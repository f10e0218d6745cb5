// SPDX-License-Identifier: Apache-2.0
// The buffers of a forward pass, allocated once for the largest step.

import CKernels
import Models

/// Buffers for `S` tokens a step; rows one after the other. Memory is resident only where it has been used.
struct Workspace: ~Copyable {
  let hidden: UnsafeMutablePointer<Float>  // [S, hidden]: the residual stream
  let added: UnsafeMutablePointer<Float>  // [S, hidden]: what a half of a layer adds, before its norm
  let heads: UnsafeMutablePointer<Float>  // [S, a `MixerRow`]
  let attended: UnsafeMutablePointer<Float>  // [S, what the heads made]
  let logits: UnsafeMutablePointer<Float>  // [S, vocabulary]
  let cosines: UnsafeMutablePointer<Float>  // [ropes, S, ropeWidth]
  let sines: UnsafeMutablePointer<Float>  // as cosines
  let routing: UnsafeMutablePointer<Float>  // [S, experts]
  let gathered: UnsafeMutablePointer<Float>  // [S, hidden]: the rows of one expert
  let produced: UnsafeMutablePointer<Float>  // [S, hidden]: what it makes of them
  let entries: UnsafeMutablePointer<ck_attention_entry>  // [sequences]
  let deltaEntries: UnsafeMutablePointer<ck_delta_entry>  // [sequences]
  let scratch: UnsafeMutableRawPointer
  /// Pairs of the widest rope.
  let ropeWidth: Int
  private let memory: AnonymousMemory

  init(
    _ architecture: Architecture, options: LoadedModel.Options, threads: Int, mixerScratch: Int
  ) throws(InferenceProblem) {
    let (tokens, hidden) = (options.stepTokens, architecture.hiddenSize)
    let rows = architecture.layers.map { MixerRow($0.mixer) }
    let queries = rows.map(\.attended).max() ?? 0
    let headsWidth = rows.map(\.width).max() ?? 0
    let experts = architecture.layers.map(\.feedForward.expertCount).max() ?? 0
    let wide = architecture.layers.map(\.feedForward.width).max() ?? 0
    ropeWidth = (architecture.ropes.map(\.size).max() ?? 0) / 2
    let ropes = ropeWidth * architecture.ropes.count
    let expertWidth = experts > 0 ? hidden : 0
    let widths = [
      hidden, hidden, headsWidth, queries, architecture.vocabularySize, ropes, ropes, experts, expertWidth, expertWidth,
    ]
    let inputs = Int32(max(hidden, queries, headsWidth))
    let scratchBytes = max(
      ck_linear_scratch(inputs, Int32(tokens), Int32(threads)),
      ck_feed_scratch(inputs, Int32(wide), Int32(tokens), Int32(threads)), mixerScratch)
    let entrySizes = [MemoryLayout<ck_attention_entry>.stride, MemoryLayout<ck_delta_entry>.stride]
    let sizes = (widths.map { $0 * tokens * 4 } + entrySizes.map { $0 * options.sequences }).map {
      $0.roundedUp(to: 64)
    }
    let memory = try AnonymousMemory(byteCount: sizes.reduce(0, +) + scratchBytes, hugePages: false)
    var place = memory.base
    func next(_ index: Int) -> UnsafeMutablePointer<Float> {
      defer { place += sizes[index] }
      return place.assumingMemoryBound(to: Float.self)
    }
    self.hidden = next(0)
    added = next(1)
    heads = next(2)
    attended = next(3)
    logits = next(4)
    cosines = next(5)
    sines = next(6)
    routing = next(7)
    gathered = next(8)
    produced = next(9)
    entries = place.bindMemory(to: ck_attention_entry.self, capacity: options.sequences)
    place += sizes[10]
    deltaEntries = place.bindMemory(to: ck_delta_entry.self, capacity: options.sequences)
    scratch = place + sizes[11]
    self.memory = memory
  }
}

extension FeedForward {
  /// Experts of a layer; 0 when it is dense.
  var expertCount: Int { if case .experts(let mixture) = self { mixture.count } else { 0 } }

  /// Values between the two halves.
  var width: Int {
    switch self {
    case .dense(let mlp): mlp.size
    case .experts(let mixture): max(mixture.size, mixture.shared?.mlp.size ?? 0)
    }
  }
}
