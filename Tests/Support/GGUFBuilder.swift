// SPDX-License-Identifier: Apache-2.0
// GGUF files as bytes, right or wrong on purpose.

/// Builds GGUF files; every count and offset can be made to lie.
public struct GGUFBuilder: Sendable {
  /// A metadata value.
  public enum Value: Sendable {
    case u32(UInt32)
    case f32(Float)
    case bool(Bool)
    case string(String)
    case strings([String])
    case i32s([Int32])
    case f32s([Float])
    /// Type number and bytes as they are.
    case raw(UInt32, [UInt8])
  }

  /// A tensor; sizes as the file has them, the fastest first.
  public struct Tensor: Sendable {
    public var name: String
    public var sizes: [UInt64]
    public var type: UInt32
    public var data: [UInt8]
    /// What the table says; nil for the truth.
    public var offset: UInt64?

    public init(_ name: String, _ sizes: [UInt64], type: UInt32, data: [UInt8], offset: UInt64? = nil) {
      self.name = name
      self.sizes = sizes
      self.type = type
      self.data = data
      self.offset = offset
    }
  }

  public var magic: [UInt8] = Array("GGUF".utf8)
  public var version: UInt32 = 3
  public var alignment = 32
  public var metadata: [(key: String, value: Value)] = []
  public var tensors: [Tensor] = []
  /// What the file says; nil for the truth.
  public var tensorCount: UInt64?
  public var keyCount: UInt64?

  public init() {}

  public static func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

  private static func bytes(_ value: Value) -> [UInt8] {
    switch value {
    case .u32(let number): littleEndian(UInt32(4)) + littleEndian(number)
    case .f32(let number): littleEndian(UInt32(6)) + littleEndian(number.bitPattern)
    case .bool(let flag): littleEndian(UInt32(7)) + [flag ? 1 : 0]
    case .string(let text): littleEndian(UInt32(8)) + string(text)
    case .strings(let texts): array(8, texts.count) + texts.flatMap { string($0) }
    case .i32s(let numbers): array(5, numbers.count) + numbers.flatMap { littleEndian($0) }
    case .f32s(let numbers): array(6, numbers.count) + numbers.flatMap { littleEndian($0.bitPattern) }
    case .raw(let type, let bytes): littleEndian(type) + bytes
    }
  }

  /// The head of an array value: its type, its elements' type, their number.
  public static func array(_ type: UInt32, _ count: Int) -> [UInt8] {
    littleEndian(UInt32(9)) + littleEndian(type) + littleEndian(UInt64(count))
  }

  /// Everything before the data, and the places where one part ends and the next begins.
  public func head() -> (bytes: [UInt8], boundaries: [Int]) {
    var bytes = magic + littleEndian(version)
    var boundaries = [4, bytes.count]
    bytes += littleEndian(tensorCount ?? UInt64(tensors.count)) + littleEndian(keyCount ?? UInt64(metadata.count))
    boundaries += [bytes.count - 8, bytes.count]
    for (key, value) in metadata {
      bytes += Self.string(key)
      boundaries.append(bytes.count)
      bytes += Self.bytes(value)
      boundaries.append(bytes.count)
    }
    var offset: UInt64 = 0
    for tensor in tensors {
      bytes += Self.string(tensor.name)
      boundaries.append(bytes.count)
      bytes += littleEndian(UInt32(tensor.sizes.count)) + tensor.sizes.flatMap { littleEndian($0) }
      boundaries.append(bytes.count)
      bytes += littleEndian(tensor.type) + littleEndian(tensor.offset ?? offset)
      boundaries.append(bytes.count)
      offset += UInt64(padded(tensor.data.count))
    }
    return (bytes, boundaries)
  }

  /// The whole file.
  public func bytes() -> [UInt8] {
    var bytes = head().bytes
    bytes += repeatElement(0, count: padded(bytes.count) - bytes.count)
    for (index, tensor) in tensors.enumerated() {
      bytes += tensor.data
      if index < tensors.count - 1 { bytes += repeatElement(0, count: padded(tensor.data.count) - tensor.data.count) }
    }
    return bytes
  }

  private func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}
