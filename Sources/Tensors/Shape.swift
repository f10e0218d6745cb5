// SPDX-License-Identifier: Apache-2.0
// A tensor's dimensions, checked once when they are read so that no product overflows later.

/// The dimensions of a tensor, outermost first.
public struct Shape: Sendable, Hashable {
  /// Sizes of the axes; empty for a scalar.
  public let dimensions: [Int]
  /// Product of the dimensions; 1 for a scalar.
  public let elementCount: Int

  /// More axes than any checkpoint has.
  public static let rankLimit = 64

  /// Checks the dimensions.
  /// - Throws: `TensorProblem` when one is negative, there are too many, or their product overflows.
  public init(_ dimensions: [Int]) throws(TensorProblem) {
    guard dimensions.count <= Self.rankLimit else { throw .rank(dimensions.count) }
    var product = 1
    var hasZero = false
    for size in dimensions {
      guard size >= 0 else { throw .negativeDimension(size) }
      if size == 0 {
        hasZero = true
        continue
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow else { throw .tooLarge(dimensions) }
      product = next
    }
    self.dimensions = dimensions
    self.elementCount = hasZero ? 0 : product
  }

  /// A matrix of sizes known to be small.
  public init(rows: Int, columns: Int) throws(TensorProblem) { try self.init([rows, columns]) }

  /// Number of dimensions.
  public var rank: Int { dimensions.count }
  /// Size of the last axis; 1 for a scalar.
  public var rowLength: Int { dimensions.last ?? 1 }
  /// Product of all axes but the last; 1 for a scalar or a vector.
  public var rowCount: Int { rowLength == 0 ? 0 : elementCount / rowLength }

  /// The same axes with another size of the last.
  /// - Throws: `TensorProblem` when the product overflows.
  public func withRowLength(_ length: Int) throws(TensorProblem) -> Shape {
    try Shape(Array(dimensions.dropLast()) + [length])
  }

  /// Size of a dimension.
  public subscript(axis: Int) -> Int { dimensions[axis] }
}

extension Shape: CustomStringConvertible {
  /// As Python writes a list: `[49152, 576]`.
  public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
