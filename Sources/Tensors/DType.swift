// SPDX-License-Identifier: Apache-2.0
// The element types of tensors, by the names safetensors gives them.

/// The type of a tensor's elements.
public enum DType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6e2m3 = "F6_E2M3"
  case f6e3m2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8e5m2 = "F8_E5M2"
  case f8e4m3 = "F8_E4M3"
  case f8e8m0 = "F8_E8M0"
  case f8e4m3fnuz = "F8_E4M3FNUZ"
  case f8e5m2fnuz = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"

  /// Bits of one element; the 4- and 6-bit types are packed without gaps.
  public var bitCount: Int {
    switch self {
    case .f4: 4
    case .f6e2m3, .f6e3m2: 6
    case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    }
  }

  /// Bytes at whose multiples an element may lie for direct access.
  public var alignment: Int { max(1, bitCount / 8) }

  /// Whether elements are real floating-point numbers.
  public var isFloat: Bool {
    switch self {
    case .f4, .f6e2m3, .f6e3m2, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f16, .bf16, .f32, .f64: true
    default: false
    }
  }

  /// Bytes that `elementCount` elements take; nil when that is no whole number or overflows.
  public func byteCount(elements elementCount: Int) -> Int? {
    let (bits, overflow) = elementCount.multipliedReportingOverflow(by: bitCount)
    guard !overflow, bits >= 0, bits % 8 == 0 else { return nil }
    return bits / 8
  }

  /// The name config.json's `torch_dtype` uses for the three types models are stored in.
  public var torchName: String? {
    switch self {
    case .f16: "float16"
    case .bf16: "bfloat16"
    case .f32: "float32"
    default: nil
    }
  }

  /// The type that `torch_dtype` names, where it is one of those three.
  public init?(torchName: String) {
    switch torchName {
    case "float16": self = .f16
    case "bfloat16": self = .bf16
    case "float32": self = .f32
    default: return nil
    }
  }
}
