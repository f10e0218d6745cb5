// SPDX-License-Identifier: Apache-2.0
// What the first half of a layer needs beside plain attention's plan.
//
// A token's row of `Workspace.heads` holds what the mixer makes of it, one part after the other: see `MixerRow`.

import CKernels
import Models

/// The kind of a layer's first half. Trivial: pointers belong to `Plans`.
enum MixerPlan {
  case attention
  case latent(UnsafeMutablePointer<LatentPlan>)
  case deltaNet(UnsafeMutablePointer<DeltaNetPlan>)

  /// Whether it has keys and values in the cache.
  var attends: Bool {
    if case .deltaNet = self { false } else { true }
  }

  func deallocate() {
    switch self {
    case .attention: break
    case .latent(let plan):
      plan.pointee.keys.deallocate()
      plan.pointee.values.deallocate()
      plan.deallocate()
    case .deltaNet(let plan): plan.deallocate()
    }
  }
}

/// Latent attention around the attention kernel.
struct LatentPlan {
  var heads: Int
  var plainSize: Int
  var ropeSize: Int
  var rank: Int
  /// Second matrix of the queries and the norm before it, where there are two.
  var narrowQuery: ck_input?
  var queryUp = ck_output()
  var compressionNorm: ck_norm
  /// [heads]: from a head's plain query to its query on the compressed vectors.
  var keys: UnsafeMutablePointer<ck_output>
  /// [heads]: from what a head attended to to its value.
  var values: UnsafeMutablePointer<ck_output>
  /// The parts of a row.
  var queries: UnsafeMutablePointer<Float>
  var key: UnsafeMutablePointer<Float>
  var rawQueries: UnsafeMutablePointer<Float>
  var compressed: UnsafeMutablePointer<Float>
}

/// A recurrent layer as the kernel is called with it.
struct DeltaNetPlan {
  var net: ck_delta_net
  var input: UnsafePointer<Float>
  var rates: UnsafePointer<Float>
  /// Where the layer's state begins within a sequence's.
  var statePlace: Int
}

/// The parts of a token's row of `Workspace.heads` and of `Workspace.attended`, in floats.
struct MixerRow {
  /// Width of the whole row.
  var width = 0
  /// What attention leaves for the output matrix, or for the matrices of the values.
  var attended = 0
  var entries: [Int] = []

  /// Starts of the parts, in the order of the cases below.
  private mutating func add(_ size: Int) {
    entries.append(width)
    width += size
  }

  /// Plain attention: queries, keys, values, queries with their gates.
  /// Latent: queries, key (whose end is the value), queries before, compressed vector and key before, narrow query, values.
  /// Delta net: input, rates.
  init(_ mixer: TokenMixer) {
    switch mixer {
    case .attention(let attention):
      for size in [attention.queryWidth, attention.keyValueWidth, attention.keyValueWidth] { add(size) }
      add(attention.isGated ? attention.queryOutputs : 0)
      attended = attention.queryWidth
    case .latent(let latent):
      let key = latent.ropeSize + latent.rank
      add(latent.heads * key)
      add(key)
      add(latent.heads * latent.querySize)
      add(key)
      if case .narrow(let down, _, _) = latent.query { add(down.outputs) } else { add(0) }
      add(latent.heads * latent.valueSize)
      attended = latent.heads * latent.rank
    case .deltaNet(let net):
      add(net.input.outputs)
      add(net.rates.outputs)
      attended = net.valueWidth
    }
  }
}
