// SPDX-License-Identifier: Apache-2.0
// A matrix where it lies in a checkpoint, whatever its format and arrangement.

public import Tensors

/// A matrix [outputs, inputs] as it lies in the checkpoint.
public struct StoredMatrix: Sendable {
  /// Module path, for messages.
  public var path: String
  public var outputs: Int
  public var inputs: Int
  public var format: WeightFormat
  /// Plain: [outputs, inputs] floats. Otherwise [outputs, words] of packed codes.
  public var weight: TensorView
  /// [outputs, groups]; nil when plain.
  public var scales: TensorView?
  /// [outputs, groups]; affine only.
  public var offsets: TensorView?
  /// [outputs]; added to the product.
  public var bias: TensorView?
  /// How the matrix lies in `weight`, and in `scales` and `bias`.
  public var arrangement = Arrangement.rows

  /// Where a matrix's elements are.
  public enum Arrangement: Sendable, Equatable {
    /// One row after the other.
    case rows
    /// Rows `first`, `first + step`, `first + 2 * step`...
    case everyRow(first: Int, step: Int)
    /// Transposed, [inputs, step * outputs]: columns `first`, `first + step`...
    case everyColumn(first: Int, step: Int)
  }
}

extension StoredMatrix {
  /// The bias [outputs] in float32, picked out as the matrix is.
  public func biasValues() throws(TensorProblem) -> [Float]? {
    guard let values = try bias?.floats() else { return nil }
    switch arrangement {
    case .rows: return values
    case .everyRow(let first, let step), .everyColumn(let first, let step):
      return (0..<outputs).map { values[first + $0 * step] }
    }
  }

  /// Some of the rows as a matrix of their own, where they lie; its bias is left as it is.
  /// - Precondition: the range lies within the rows, which follow one another.
  /// - Throws: `ModelProblem.wrongShape` when the tensors' rows do not end at whole bytes.
  public func rows(_ range: Range<Int>) throws(ModelProblem) -> StoredMatrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= outputs, "rows outside the matrix")
    var part = self
    part.outputs = range.count
    part.weight = try Self.rows(weight, range, path)
    part.scales = try scales.map { view throws(ModelProblem) in try Self.rows(view, range, path) }
    part.offsets = try offsets.map { view throws(ModelProblem) in try Self.rows(view, range, path) }
    return part
  }

  private static func rows(_ view: TensorView, _ range: Range<Int>, _ path: String) throws(ModelProblem) -> TensorView {
    do {
      guard let size = view.rowByteCount else { throw TensorProblem.byteCount(dtype: view.dtype, shape: view.shape) }
      let shape = try Shape(rows: range.count, columns: view.shape.rowLength)
      return try TensorView(
        dtype: view.dtype, shape: shape, file: view.file, offset: view.offset + size * range.lowerBound)
    } catch {
      throw .wrongShape(name: path, expected: [range.count], found: view.shape.dimensions)
    }
  }
}
