// SPDX-License-Identifier: Apache-2.0
// Small unsigned integers packed into 32-bit words along one axis of a matrix, as GPTQ, AWQ and compressed-tensors do.
//
// Element i along the packed axis has bits i · bits … of the stream of words, the lowest first; codes of 3 bits straddle
// words. AWQ shuffles the eight codes of a word: `order[j]` is the place of element j.

internal import Tensors

/// A matrix of small integers in a checkpoint.
public struct PackedIntegers: Sendable {
  /// The axis along which elements share a word.
  enum Axis { case rows, columns }

  /// I32 or U32 words.
  let view: TensorView
  let bits: Int
  let axis: Axis
  /// Elements along both axes.
  let rows: Int
  let columns: Int
  /// Place within its word of each element; nil when they are in order.
  let order: [Int]?

  /// AWQ's shuffle: the eight columns of a word.
  static let awqOrder = [0, 4, 1, 5, 2, 6, 3, 7]

  /// Checks that the tensor has the words such a matrix needs.
  /// - Throws: `ModelProblem.wrongShape`, `.wrongType`.
  init(
    _ view: TensorView, name: String, bits: Int, axis: Axis, rows: Int, columns: Int, order: [Int]? = nil
  ) throws(ModelProblem) {
    let packed = axis == .rows ? rows : columns
    let words = (packed * bits + 31) / 32
    let expected = axis == .rows ? [words, columns] : [rows, words]
    guard view.dtype == .i32 || view.dtype == .u32 else {
      throw .wrongType(name: name, expected: "I32", found: view.dtype.rawValue)
    }
    guard view.shape.dimensions == expected else {
      throw .wrongShape(name: name, expected: expected, found: view.shape.dimensions)
    }
    self.view = view
    self.bits = bits
    self.axis = axis
    self.rows = rows
    self.columns = columns
    self.order = order
  }

  /// Copies a part of the matrix, or of its transpose, as bytes.
  /// - Parameters:
  ///   - part: rows of the result.
  ///   - transposed: whether the result's rows are this matrix's columns.
  ///   - target: [part, length] with the other axis as length.
  func copy(_ part: Range<Int>, transposed: Bool, into target: UnsafeMutableBufferPointer<UInt8>) {
    let length = transposed ? rows : columns
    precondition(target.count >= part.count * length, "no room for the codes")
    guard let base = view.unsafeBase else { return }
    let words = view.shape.rowLength
    let mask = UInt64(1) << UInt64(bits) - 1
    let source = Source(base: base, count: view.byteCount / 4)
    // The packed axis varies outside, so that a word's place is computed once for a run of the other one.
    let (packedRange, otherRange) =
      (axis == .rows) == transposed ? (0..<length, part) : (part, 0..<length)
    let packedIsLength = (axis == .rows) == transposed
    for packed in packedRange {
      let place = order.map { packed & ~7 | $0[packed & 7] } ?? packed
      let bit = place * bits
      let (word, shift) = (bit >> 5, UInt64(bit & 31))
      for other in otherRange {
        let index = axis == .rows ? word * words + other : other * words + word
        // The next word of the stream lies below in one layout, behind in the other.
        let next = index + (axis == .rows ? words : 1)
        var value = UInt64(source[index])
        if Int(shift) + bits > 32 { value |= UInt64(source[next]) << 32 }
        let code = UInt8(truncatingIfNeeded: value >> shift & mask)
        let row = (packedIsLength ? other : packed) - part.lowerBound
        target[row * length + (packedIsLength ? packed : other)] = code
      }
    }
    withExtendedLifetime(view.file) {}
  }

  /// The words of the mapped file, at any address.
  private struct Source {
    let base: UnsafeRawPointer
    let count: Int

    @inline(__always) subscript(_ index: Int) -> UInt32 {
      assert(index < count)
      return base.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
    }
  }
}
