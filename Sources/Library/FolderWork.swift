// SPDX-License-Identifier: Apache-2.0
// What all use cases that make one model folder from another have in common.

public import Basics
internal import Quantization
internal import Tensors

/// How far the making of a folder is, in units of its own: bytes of the source, or elements.
public struct FolderProgress: Sendable, Equatable {
  /// Units done.
  public var done: Int
  /// Units in all.
  public var total: Int
}

/// What making a folder gives, whatever else it tells.
protocol FolderOutcome {
  var files: [String] { get }
  var recipe: JSONObject { get }
}

/// A folder that was made.
public struct MadeFolder: Sendable, FolderOutcome {
  /// Names of all files in the folder.
  public var files: [String]
  /// How the result was made, for the provenance of a derived model: the same for the same recipe.
  public var recipe: JSONObject
}

/// Rows of float32 on their way into a file.
enum FloatRows {
  /// The values as elements of `dtype`.
  static func bytes(_ values: [Float], as dtype: DType) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: values.count * dtype.bitCount / 8) { buffer, count in
      values.withUnsafeBufferPointer { FloatReading.write($0, as: dtype, into: UnsafeMutableRawBufferPointer(buffer)) }
      count = buffer.count
    }
  }

  /// The values as elements of `dtype`, each of them finite there.
  /// - Parameter tensor: its name, for the message.
  /// - Throws: `QuantizationProblem.notFinite` when a value is none, or does not fit the type.
  static func finiteBytes(_ values: [Float], as dtype: DType, tensor: String) throws -> [UInt8] {
    // Half precision ends at 65504; what lies beyond becomes infinite.
    let limit: Float = dtype == .f16 ? 65520 : .infinity
    let faults = values.reduce(0) { $0 + (abs($1) < limit ? 0 : 1) }
    guard faults == 0 else { throw QuantizationProblem.notFinite(tensor: tensor, count: faults) }
    return bytes(values, as: dtype)
  }
}
