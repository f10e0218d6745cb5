// SPDX-License-Identifier: Apache-2.0
// Gathers a model's tensors for `WeightTables`: finds them, decides what is packed, and counts the memory.

import CKernels
import Models
import Tensors

/// Everything that has been found, before any of it is laid out.
struct WeightCollector {
  private let reader: WeightReader
  /// Keeps matrices as they lie in the file.
  private let precise: Bool
  private(set) var weights: [ck_weight] = []
  /// Where each matrix's packed form begins; nil for those that stay in the file.
  private(set) var places: [Int?] = []
  private(set) var byteCount = 0
  private(set) var vectors: [Float] = []
  /// Keeps the files mapped.
  private(set) var views: [TensorView] = []
  /// Matrices that were widened.
  private(set) var expanded: [ExpandedWeight] = []

  init(_ reader: WeightReader, precise: Bool) {
    self.reader = reader
    self.precise = precise
  }

  /// A matrix; `packs: false` leaves it in the file in any case.
  mutating func matrix(_ linear: Linear, packs: Bool = true) throws -> MatrixID {
    try add(try reader.matrix(linear), packs: packs)
  }

  /// The rows of a matrix in equal parts, each a matrix of its own.
  mutating func parts(of linear: Linear, count: Int) throws -> [MatrixID] {
    let whole = try reader.matrix(linear)
    let (rows, bias) = (whole.outputs / count, try whole.bias?.floats())
    return try (0..<count).map { part in
      var stored = try whole.rows(part * rows..<(part + 1) * rows)
      stored.bias = nil
      var matrix = try add(stored, packs: true)
      if let bias { matrix.bias = add(vector: Array(bias[part * rows..<(part + 1) * rows])) }
      return matrix
    }
  }

  /// The matrix of one expert.
  mutating func expert(_ linear: ExpertLinear, _ expert: Int, of count: Int) throws -> MatrixID {
    try add(try reader.matrix(linear, expert: expert, of: count), packs: true)
  }

  mutating func norm(_ norm: Norm?) throws -> NormID? {
    guard let norm else { return nil }
    let weight = add(vector: try reader.vector("\(norm.path).weight", count: norm.size).floats())
    var bias: Int?
    if norm.bias { bias = add(vector: try reader.vector("\(norm.path).bias", count: norm.size).floats()) }
    return NormID(
      kind: norm.kind, epsilon: norm.epsilon, weightOffset: norm.weightOffset, weight: weight, bias: bias)
  }

  private mutating func add(vector: [Float]) -> Int {
    let place = vectors.count
    vectors += vector
    vectors += Array(repeating: 0, count: vectors.count.roundedUp(to: 16) - vectors.count)
    return place
  }

  private mutating func add(_ stored: StoredMatrix, packs: Bool) throws -> MatrixID {
    var weight = ck_weight()
    weight.rows = Int32(stored.outputs)
    weight.inputs = Int32(stored.inputs)
    weight.data = stored.weight.unsafeBase
    views.append(stored.weight)
    switch stored.format {
    case .plain:
      weight.format = CK_PLAIN
      weight.dtype = try dtype(stored.weight, stored.path)
    case .affine(let bits, let group):
      guard [32, 64, 128].contains(group), let scales = stored.scales, let offsets = stored.offsets else {
        throw InferenceProblem.unsupportedWeight(name: stored.path, format: "\(stored.format)")
      }
      views += [scales, offsets]
      weight.format = CK_AFFINE
      weight.dtype = try dtype(scales, stored.path)
      weight.bits = Int32(bits)
      weight.group = Int32(group)
      weight.scales = scales.unsafeBase
      weight.biases = offsets.unsafeBase
    case .mxfp4, .mxfp8, .nvfp4:
      guard let wide = try ExpandedWeight(stored) else {
        throw InferenceProblem.unsupportedWeight(name: stored.path, format: "\(stored.format)")
      }
      expanded.append(wide)
      weight.format = CK_PLAIN
      weight.dtype = CK_BF16
      weight.data = wide.base
    }
    let size = packs && !precise ? ck_packed_bytes(&weight) : 0
    places.append(size > 0 ? byteCount : nil)
    byteCount += size
    weights.append(weight)
    let bias = try stored.bias?.floats()
    return MatrixID(
      index: weights.count - 1, outputs: stored.outputs, inputs: stored.inputs, bias: bias.map { add(vector: $0) })
  }

  private func dtype(_ view: TensorView, _ path: String) throws -> ck_dtype {
    switch view.dtype {
    case .f32: return CK_F32
    case .f16: return CK_F16
    case .bf16: return CK_BF16
    default: throw InferenceProblem.unsupportedWeight(name: path, format: view.dtype.rawValue)
    }
  }
}
