// SPDX-License-Identifier: Apache-2.0
// How far quantized weights are from the original, tensor by tensor.

public import Basics

/// Errors of a model's quantized tensors.
public struct QualityReport: Sendable, Equatable {
  /// Errors of one tensor, or of a part of it: sums, so that parts can be added.
  public struct Errors: Sendable, Equatable {
    /// Elements compared.
    public private(set) var count = 0
    /// Sum of squared differences.
    public private(set) var squaredError = 0.0
    /// Sum of squared original values.
    public private(set) var squaredValue = 0.0
    /// Greatest difference.
    public private(set) var greatest: Float = 0

    public init() {}

    /// Adds the comparison of two runs of values.
    public mutating func add(
      original: UnsafeBufferPointer<Float>, decoded: UnsafeBufferPointer<Float>
    ) {
      precondition(original.count == decoded.count, "runs of different lengths")
      var (errors, values, greatest) = (0.0, 0.0, self.greatest)
      for index in original.indices {
        let difference = original[index] - decoded[index]
        errors += Double(difference) * Double(difference)
        values += Double(original[index]) * Double(original[index])
        greatest = max(greatest, abs(difference))
      }
      count += original.count
      squaredError += errors
      squaredValue += values
      self.greatest = greatest
    }

    /// Adds another part.
    public mutating func add(_ other: Errors) {
      count += other.count
      squaredError += other.squaredError
      squaredValue += other.squaredValue
      greatest = max(greatest, other.greatest)
    }

    /// Root of the mean squared error.
    public var rms: Double { count == 0 ? 0 : (squaredError / Double(count)).squareRoot() }
    /// `rms` over the root of the mean squared value; 0 for a tensor of zeros.
    public var relative: Double { squaredValue == 0 ? 0 : (squaredError / squaredValue).squareRoot() }
  }

  /// A tensor and its errors.
  public struct Entry: Sendable, Equatable {
    /// Module path.
    public let path: String
    /// Its errors.
    public let errors: Errors

    public init(path: String, errors: Errors) {
      self.path = path
      self.errors = errors
    }
  }

  /// In the order of the model.
  public private(set) var entries: [Entry] = []

  public init() {}

  /// Adds a tensor.
  public mutating func add(_ path: String, _ errors: Errors) { entries.append(Entry(path: path, errors: errors)) }

  /// All tensors together.
  public var total: Errors { entries.reduce(into: Errors()) { $0.add($1.errors) } }
  /// Tensors with the greatest relative error, worst first.
  public func worst(_ count: Int) -> [Entry] {
    Array(entries.sorted { $0.errors.relative > $1.errors.relative }.prefix(count))
  }

  /// The report as an array of objects.
  public var json: JSONValue {
    .array(
      entries.map {
        [
          "tensor": .string($0.path), "rms": .number($0.errors.rms), "relative_rms": .number($0.errors.relative),
          "max": .number(Double($0.errors.greatest)),
        ]
      })
  }
}
