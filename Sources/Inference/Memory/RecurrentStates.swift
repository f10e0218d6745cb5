// SPDX-License-Identifier: Apache-2.0
// The states of recurrent layers: one block of floats for each sequence, all layers after one another. Unlike a key/value
// cache a state cannot be shortened; it only starts again from zeros.

import CKernels
import Models

/// States of all open sequences.
struct RecurrentStates: ~Copyable {
  /// Floats of a sequence; 0 when no layer has a state.
  let size: Int
  /// Where each layer's state begins within a sequence's.
  let places: [Int]
  private let memory: AnonymousMemory

  init(_ architecture: Architecture, sequences: Int) throws(InferenceProblem) {
    (places, size) = Self.places(architecture)
    memory = try AnonymousMemory(byteCount: sequences * size * 4, hugePages: false)
  }

  /// Where each layer's state begins within a sequence's, and the floats of all.
  static func places(_ architecture: Architecture) -> (places: [Int], size: Int) {
    var places: [Int] = []
    var size = 0
    for layer in architecture.layers {
      places.append(size)
      if case .deltaNet(let net) = layer.mixer {
        var description = ck_delta_net(net)
        size += ck_delta_state(&description).roundedUp(to: 16)
      }
    }
    return (places, size)
  }

  var isEmpty: Bool { size == 0 }

  /// A sequence's state of the layer that begins at `place`.
  func state(_ slot: Int32, at place: Int) -> UnsafeMutablePointer<Float> {
    memory.base.assumingMemoryBound(to: Float.self) + Int(slot) * size + place
  }

  /// Sets a sequence's states to zeros.
  func clear(_ slot: Int32) {
    guard size > 0 else { return }
    state(slot, at: 0).update(repeating: 0, count: size)
  }
}
