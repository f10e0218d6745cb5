// SPDX-License-Identifier: Apache-2.0
// A matrix of 8-bit floats with scales: w = element · scale, with a scale for the whole, for each row, or for each block
// of 128 × 128 (DeepSeek's `weight_scale_inv`, which multiplies despite its name).
//
// MLX has no such format: the matrix is widened. An element has 4 significant bits, so the product is rounded once.

internal import Tensors

/// A matrix [outputs, inputs] of 8-bit floats.
public struct Float8Matrix: Sendable {
  /// Module path.
  public let path: String
  public let outputs: Int
  public let inputs: Int
  /// F8_E4M3 or F8_E5M2 elements.
  let elements: TensorView
  /// Scales, [⌈outputs / blockRows⌉, ⌈inputs / blockColumns⌉].
  let scales: [Float]
  let blockRows: Int
  let blockColumns: Int

  /// - Parameters:
  ///   - scales: nil for none.
  ///   - block: rows and columns of a block, where the scales are of blocks.
  /// - Throws: `ModelProblem` when the scales fit neither the whole, nor the rows, nor the blocks.
  init(path: String, elements: TensorView, scales: TensorView?, block: (rows: Int, columns: Int)) throws(ModelProblem) {
    guard elements.shape.rank == 2 else {
      throw .wrongShape(name: "\(path).weight", expected: [0, 0], found: elements.shape.dimensions)
    }
    (outputs, inputs) = (elements.shape[0], elements.shape[1])
    self.path = path
    self.elements = elements
    do { self.scales = try scales?.floats() ?? [1] } catch {
      throw .wrongType(name: "\(path) scales", expected: "F32 or BF16", found: scales?.dtype.rawValue ?? "none")
    }
    guard self.scales.allSatisfy(\.isFinite) else {
      throw .invalidTensor(name: path, reason: "it has scales that are no finite numbers")
    }
    let blocks = [(outputs + block.rows - 1) / block.rows, (inputs + block.columns - 1) / block.columns]
    switch scales?.shape.dimensions ?? [] {
    case [], [1], [1, 1]: (blockRows, blockColumns) = (max(1, outputs), max(1, inputs))
    case [outputs], [outputs, 1]: (blockRows, blockColumns) = (1, max(1, inputs))
    case blocks: (blockRows, blockColumns) = block
    default:
      throw .wrongShape(name: "\(path) scales", expected: blocks, found: scales?.shape.dimensions ?? [])
    }
  }

  /// Values of some rows in float32, [rows, inputs].
  public func values(_ rows: Range<Int>) -> [Float] {
    let perRow = (inputs + blockColumns - 1) / blockColumns
    return [Float](unsafeUninitializedCapacity: rows.count * inputs) { buffer, count in
      count = rows.count * inputs
      guard count > 0 else { return }
      elements.withUnsafeBytes { bytes in
        FloatReading.read(
          UnsafeRawBufferPointer(rebasing: bytes[(rows.lowerBound * inputs)..<(rows.upperBound * inputs)]),
          as: elements.dtype, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      }
      for (index, row) in rows.enumerated() {
        for column in 0..<perRow {
          let scale = scales[row / blockRows * perRow + column]
          let end = min((column + 1) * blockColumns, inputs)
          for place in index * inputs + column * blockColumns..<index * inputs + end { buffer[place] *= scale }
        }
      }
    }
  }
}
