// SPDX-License-Identifier: Apache-2.0
// What the kernels read: tables of matrices and vectors at fixed addresses, and the packed copies of the matrices that
// have one. Nothing of a matrix is in memory twice: a packed one leaves its mapped file pages again.

import Basics
import CKernels
import Models
import Tensors

/// A matrix by its place in `WeightTables`.
struct MatrixID: Equatable {
  var index: Int
  var outputs: Int
  var inputs: Int
  /// Place of its bias [outputs] among the vectors; nil when there is none.
  var bias: Int?
}

/// A norm by the places of its vectors.
struct NormID {
  var kind: Norm.Kind
  var epsilon: Float
  var weightOffset: Float
  var weight: Int
  var bias: Int?
}

/// Matrices and vectors at addresses that stay.
///
/// Sendable: everything is written in `init` and only read afterwards; the mapped files live as long as the views.
final class WeightTables: @unchecked Sendable {
  /// Matrices as they lie in their files.
  let stored: UnsafeMutablePointer<ck_weight>
  /// Their packed forms; `data` is nil where there is none.
  let packed: UnsafeMutablePointer<ck_packed>
  private let vectors: UnsafeMutablePointer<Float>
  private let memory: PackedWeights
  private let views: [TensorView]
  private let transposed: [TransposedWeight]

  /// Lays out the tables and packs on `threads` threads, unless `cache` has the packed matrices.
  /// - Throws: `InferenceProblem.doesNotFit` when the packed weights exceed the memory that is left.
  init(_ collected: consuming WeightCollector, cache: PackCache?, threads: Int) throws(InferenceProblem) {
    let count = collected.weights.count
    stored = .allocate(capacity: max(1, count))
    packed = .allocate(capacity: max(1, count))
    vectors = .allocate(capacity: max(1, collected.vectors.count))
    stored.initialize(from: collected.weights, count: count)
    packed.initialize(repeating: ck_packed(), count: max(1, count))
    vectors.initialize(from: collected.vectors, count: collected.vectors.count)
    views = collected.views
    transposed = collected.transposed
    do throws(InferenceProblem) {
      memory = try PackedWeights(collected, from: stored, cache: cache, threads: threads)
    } catch {
      stored.deallocate()
      packed.deallocate()
      vectors.deallocate()
      throw error
    }
    for (index, place) in collected.places.enumerated() {
      if let place { packed[index] = ck_packed_view(stored + index, memory.base + place) }
    }
  }

  deinit {
    stored.deallocate()
    packed.deallocate()
    vectors.deallocate()
  }

  /// Whether the packed matrices were found in a cache file.
  var isPackedBefore: Bool { memory.isPackedBefore }

  /// Waits until a cache file that is being made is complete.
  func settle() { memory.settle() }

  func vector(_ place: Int?) -> UnsafePointer<Float>? { place.map { UnsafePointer(vectors + $0) } }

  /// A product with a matrix, its result in `y`.
  func output(
    _ matrix: MatrixID, into y: UnsafeMutablePointer<Float>?, stride: Int, accumulates: Bool = false
  ) -> ck_output {
    ck_output(
      packed: packed[matrix.index].data == nil ? nil : UnsafePointer(packed + matrix.index),
      weight: UnsafePointer(stored + matrix.index), bias: vector(matrix.bias), y: y, stride: stride,
      accumulate: accumulates, fine: false)
  }

  /// Bytes a product reads of a matrix: of its packed form, or of what lies in the file.
  func byteCount(_ matrix: MatrixID) -> Int {
    if packed[matrix.index].data != nil { return ck_packed_bytes(stored + matrix.index) }
    let weight = stored[matrix.index]
    let (elements, element) = (Int(weight.rows) * Int(weight.inputs), weight.dtype == CK_F32 ? 4 : 2)
    switch weight.format {
    case CK_PLAIN: return elements * element
    case CK_AFFINE: return elements * Int(weight.bits) / 8 + 2 * elements / Int(weight.group) * element
    default:
      return elements * Int(ck_small_bits(weight.format)) / 8 + elements / Int(ck_small_group(weight.format))
    }
  }

  /// A norm for the kernels; nil passes its input on.
  func norm(_ norm: NormID?) -> ck_norm {
    guard let norm else { return ck_norm() }
    return ck_norm(
      kind: norm.kind == .rms ? CK_NORM_RMS : CK_NORM_LAYER, weight: vector(norm.weight), bias: vector(norm.bias),
      offset: norm.weightOffset, epsilon: norm.epsilon)
  }

  /// A recurrent layer for the kernels.
  func deltaNet(_ net: GatedDeltaNet, _ weights: DeltaNetWeights, stride: Int) -> ck_delta_net {
    var description = ck_delta_net(net)
    description.convolution = vector(weights.convolution)
    description.decay = vector(weights.decay)
    description.time_bias = vector(weights.timeBias)
    description.norm = vector(weights.norm?.weight)
    description.stride = stride
    return description
  }

  /// Row `row` of a matrix as float32 [inputs].
  func row(_ row: Int32, of matrix: MatrixID, into out: UnsafeMutablePointer<Float>) {
    if packed[matrix.index].data != nil {
      ck_packed_row(packed + matrix.index, row, out)
    } else {
      ck_weight_row(stored + matrix.index, row, out)
    }
  }
}
