// SPDX-License-Identifier: Apache-2.0
// What can be wrong with the description of a tensor.

public import Basics

/// Dimensions or an element type that cannot be.
public enum TensorProblem: Problem, Equatable {
  case negativeDimension(Int)
  case rank(Int)
  case tooLarge([Int])
  /// The elements do not fill whole bytes, or are more than can be addressed.
  case byteCount(dtype: DType, shape: Shape)
  /// Elements of this type are not numbers that can be read as float32.
  case notNumbers(DType)

  public var code: String { "tensor.invalid" }
  public var status: ExitStatus { if case .notNumbers = self { .unsupported } else { .mismatch } }
  public var what: String {
    switch self {
    case .negativeDimension(let size): "a dimension of \(size)"
    case .rank(let rank): "\(rank) dimensions where at most \(Shape.rankLimit) are read"
    case .tooLarge(let dimensions):
      "the product of the dimensions \(dimensions.prefix(8).map(String.init).joined(separator: " × ")) overflows"
    case .byteCount(let dtype, let shape): "\(shape) elements of type \(dtype.rawValue) do not fill whole bytes"
    case .notNumbers(let dtype): "elements of type \(dtype.rawValue) cannot be read as numbers"
    }
  }
}
