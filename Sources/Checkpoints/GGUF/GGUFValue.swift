// SPDX-License-Identifier: Apache-2.0
// Metadata values of a GGUF file. Arrays stay in the file until somebody asks for them, so that a
// hostile length costs nothing.

internal import Basics

import Basics

/// A metadata value.
public enum GGUFValue: Sendable {
  case integer(Int64)
  /// A 64-bit unsigned value beyond the signed range.
  case large(UInt64)
  case float(Double)
  case bool(Bool)
  case string(String)
  case array(GGUFArray)

  /// The value as an integer, whatever integer type the file used.
  public var intValue: Int? { if case .integer(let value) = self { Int(value) } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var arrayValue: GGUFArray? { if case .array(let value) = self { value } else { nil } }
  /// Any number; a 32-bit float comes as the double with the same shortest text (1e-05, not 9.99e-06).
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .large(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }
}

/// The type of a metadata value; the raw value is the number in the file.
public enum GGUFValueType: UInt32, Sendable {
  case u8 = 0, i8, u16, i16, u32, i32, f32, bool, string, array, u64, i64, f64

  /// Bytes of a value, or the least a string takes; nil for arrays.
  var leastByteCount: Int? {
    switch self {
    case .u8, .i8, .bool: 1
    case .u16, .i16: 2
    case .u32, .i32, .f32: 4
    case .u64, .i64, .f64, .string: 8
    case .array: nil
    }
  }
}

/// An array in the file's metadata, already walked over once and known to be whole.
public struct GGUFArray: Sendable {
  public let elementType: GGUFValueType
  public let count: Int
  /// Offset of the first element in the file.
  let offset: Int
  let file: GGUFBytes

  /// The elements as strings; nil when they are none, or not UTF-8.
  public var strings: [String]? {
    guard elementType == .string else { return nil }
    var result: [String] = []
    var cursor = GGUFCursor(file.mapped.bytes, path: file.mapped.path, position: offset)
    for _ in 0..<count {
      guard let text = try? cursor.string() else { return nil }
      result.append(text)
    }
    return result
  }

  /// The elements as integers; nil when they are none.
  public var integers: [Int]? {
    switch elementType {
    case .string, .array, .f32, .f64: return nil
    default: break
    }
    return scalars { if case .integer(let value) = $0 { Int(value) } else { nil } }
  }

  /// The elements as floats; nil when they are no numbers.
  public var floats: [Float]? {
    guard elementType != .string && elementType != .bool else { return nil }
    return scalars { $0.doubleValue.map { Float($0) } }
  }

  /// The elements as booleans; nil when they are none.
  public var bools: [Bool]? { elementType == .bool ? scalars { $0.boolValue } : nil }

  private func scalars<Element>(_ body: (GGUFValue) -> Element?) -> [Element]? {
    var result: [Element] = []
    var cursor = GGUFCursor(file.mapped.bytes, path: file.mapped.path, position: offset)
    for _ in 0..<count {
      guard let value = try? cursor.scalar(elementType), let element = body(value) else { return nil }
      result.append(element)
    }
    return result
  }
}
