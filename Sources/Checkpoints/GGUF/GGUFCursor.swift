// SPDX-License-Identifier: Apache-2.0
// Reading a GGUF file's head from first byte to last, every step checked against the file's end.

internal import Basics

/// The mapped file that arrays and tensors refer to.
struct GGUFBytes: Sendable {
  let mapped: MappedFile
}

/// A position in a GGUF file.
struct GGUFCursor: ~Escapable {
  let bytes: Span<UInt8>
  let path: String
  var position: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, path: String, position: Int = 0) {
    self.bytes = bytes
    self.path = path
    self.position = position
  }

  var remaining: Int { bytes.count - position }

  func fault(_ reason: String) -> CheckpointProblem { .malformed(file: path, reason: reason) }

  /// A little-endian unsigned integer.
  mutating func unsigned<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type) throws(CheckpointProblem) -> Value {
    let size = Value.bitWidth / 8
    guard remaining >= size else { throw fault("the file ends at byte \(bytes.count), inside its head") }
    var value: Value = 0
    for index in 0..<size { value |= Value(truncatingIfNeeded: bytes[position + index]) << Value(8 * index) }
    position += size
    return value
  }

  /// A count or length that says how many items of at least `size` bytes follow.
  mutating func count(_ what: String, itemSize size: Int) throws(CheckpointProblem) -> Int {
    let value = try unsigned(UInt64.self)
    guard value <= UInt64(remaining / size) else {
      throw fault("\(value) \(what) cannot fit into the \(remaining) bytes that are left")
    }
    return Int(value)
  }

  /// A string: u64 length, then UTF-8.
  mutating func string() throws(CheckpointProblem) -> String {
    let length = try count("characters of a string", itemSize: 1)
    let range = position..<(position + length)
    guard let valid = try? UTF8Span(validating: bytes.extracting(range)) else {
      throw fault("a string at byte \(position) is not UTF-8")
    }
    position += length
    return String(copying: valid)
  }

  /// A value that is no array.
  mutating func scalar(_ type: GGUFValueType) throws(CheckpointProblem) -> GGUFValue {
    switch type {
    case .u8: return .integer(Int64(try unsigned(UInt8.self)))
    case .i8: return .integer(Int64(Int8(bitPattern: try unsigned(UInt8.self))))
    case .u16: return .integer(Int64(try unsigned(UInt16.self)))
    case .i16: return .integer(Int64(Int16(bitPattern: try unsigned(UInt16.self))))
    case .u32: return .integer(Int64(try unsigned(UInt32.self)))
    case .i32: return .integer(Int64(Int32(bitPattern: try unsigned(UInt32.self))))
    case .i64: return .integer(Int64(bitPattern: try unsigned(UInt64.self)))
    case .u64:
      let value = try unsigned(UInt64.self)
      return Int64(exactly: value).map { .integer($0) } ?? .large(value)
    case .f32:
      let value = Float(bitPattern: try unsigned(UInt32.self))
      return .float(value.isFinite ? Double(value.description) ?? Double(value) : Double(value))
    case .f64: return .float(Double(bitPattern: try unsigned(UInt64.self)))
    case .bool:
      let byte = try unsigned(UInt8.self)
      guard byte <= 1 else { throw fault("a boolean at byte \(position - 1) is \(byte)") }
      return .bool(byte == 1)
    case .string: return .string(try string())
    case .array: throw fault("an array inside an array at byte \(position)")
    }
  }

  /// The number of a value's type.
  mutating func valueType() throws(CheckpointProblem) -> GGUFValueType {
    let number = try unsigned(UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else {
      throw fault("unknown value type \(number) at byte \(position - 4)")
    }
    return type
  }

  /// Passes over an array and says where it lies.
  mutating func array(_ file: GGUFBytes) throws(CheckpointProblem) -> GGUFArray {
    let type = try valueType()
    guard let size = type.leastByteCount else { throw fault("an array of arrays at byte \(position)") }
    let count = try count("elements of an array", itemSize: size)
    let array = GGUFArray(elementType: type, count: count, offset: position, file: file)
    if type == .string {
      for _ in 0..<count { position += try self.count("characters of a string", itemSize: 1) }
    } else {
      position += count * size
    }
    return array
  }
}
