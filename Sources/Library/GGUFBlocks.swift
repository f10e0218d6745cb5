// SPDX-License-Identifier: Apache-2.0
// Rows of a GGUF tensor on their way into a safetensors file.

internal import Checkpoints
internal import Models
internal import Quantization
internal import Tensors

/// Some rows of one tensor. A vector is a row of its own unless its elements have to be moved.
struct GGUFBlock: Sendable {
  private let source: GGUFTensorSource
  private let rows: Range<Int>

  /// Elements in a block: about a megabyte of float32, which stays in a cache.
  private static let elementCount = 1 << 18

  /// A tensor cut into blocks.
  static func blocks(of source: GGUFTensorSource) -> [GGUFBlock] {
    let step = max(1, elementCount / max(1, source.source.shape.rowLength))
    let count = source.source.shape.rowCount
    return stride(from: 0, to: count, by: step).map { GGUFBlock(source: source, rows: $0..<min($0 + step, count)) }
  }

  /// Where the rows go, in bytes from the tensor's start.
  func offset(in dtype: DType) -> Int { rows.lowerBound * source.source.shape.rowLength * dtype.bitCount / 8 }

  var sourceByteCount: Int { rows.count * source.source.rowByteCount }

  /// The rows as elements of `dtype`.
  /// - Throws: `QuantizationProblem.notFinite` when a value is none, or does not fit the type.
  func converted(to dtype: DType) throws -> [UInt8] {
    let values = source.source.shape.rank > 1 ? matrixRows() : movedVector()
    return try FloatRows.finiteBytes(values, as: dtype, tensor: source.name)
  }

  private func matrixRows() -> [Float] {
    let tensor = source.source
    let (length, byteCount) = (tensor.shape.rowLength, tensor.rowByteCount)
    return [Float](capacity: rows.count * length) { output in
      output.append(repeating: 0, count: rows.count * length)
      var span = output.mutableSpan
      for (index, row) in rows.enumerated() {
        let from = source.sourceRow(row)
        var values = span._mutatingExtracting(index * length..<(index + 1) * length)
        tensor.type.dequantize(tensor.bytes.extracting(from * byteCount..<(from + 1) * byteCount), into: &values)
      }
      if source.offset != 0 { for index in 0..<span.count { span[index] += source.offset } }
    }
  }

  private func movedVector() -> [Float] {
    let tensor = source.source
    let all = [Float](capacity: tensor.shape.elementCount) { output in
      output.append(repeating: 0, count: tensor.shape.elementCount)
      var span = output.mutableSpan
      tensor.type.dequantize(tensor.bytes, into: &span)
    }
    return all.indices.map { all[source.sourceRow($0)] + source.offset }
  }
}
