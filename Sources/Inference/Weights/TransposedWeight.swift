// SPDX-License-Identifier: Apache-2.0
// Matrices no kernel reads as they lie, because they are transposed: copied once into rows of plain numbers.

import CKernels
import Models
import Tensors

/// A matrix in memory of its own.
final class TransposedWeight: Sendable {
  private let memory: AnonymousMemory
  /// Type of the elements.
  let dtype: ck_dtype

  /// The elements [outputs, inputs].
  var base: UnsafeRawPointer { UnsafeRawPointer(memory.base) }

  /// Copies a matrix whose columns take turns with those of others into rows of its own, bit for bit.
  init(columnsOf stored: StoredMatrix, first: Int, step: Int, dtype: ck_dtype) throws(InferenceProblem) {
    let size = dtype == CK_F32 ? 4 : 2
    memory = try AnonymousMemory(byteCount: stored.outputs * stored.inputs * size, hugePages: true)
    self.dtype = dtype
    guard let source = stored.weight.unsafeBase else { return }
    for output in 0..<stored.outputs {
      let row = memory.base + output * stored.inputs * size
      for input in 0..<stored.inputs {
        let element = source + (input * stored.outputs * step + output * step + first) * size
        (row + input * size).copyMemory(from: element, byteCount: size)
      }
    }
  }

  /// The transpose of some rows of a matrix, in float32: [inputs, rows].
  init(transposing weight: ck_weight, rows: Range<Int>) throws(InferenceProblem) {
    let inputs = Int(weight.inputs)
    memory = try AnonymousMemory(byteCount: rows.count * inputs * 4, hugePages: true)
    dtype = CK_F32
    let out = memory.base.assumingMemoryBound(to: Float.self)
    var row = [Float](repeating: 0, count: inputs)
    var weight = weight
    for (index, number) in rows.enumerated() {
      ck_weight_row(&weight, Int32(number), &row)
      for input in 0..<inputs { out[input * rows.count + index] = row[input] }
    }
  }
}
