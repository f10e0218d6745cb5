// SPDX-License-Identifier: Apache-2.0
// Runs of stored numbers to float32 and back.

/// Conversion of whole buffers between float32 and the types checkpoints are stored in.
public enum FloatReading {
  /// Whether elements of the type can be read as float32.
  public static func reads(_ dtype: DType) -> Bool {
    switch dtype {
    case .f32, .f64, .f16, .bf16, .f8e4m3, .f8e5m2, .f8e8m0, .u8, .i8, .i16, .u16, .i32, .u32: true
    default: false
    }
  }

  /// Reads as many elements as `target` holds. Doubles and 32-bit integers are rounded to nearest.
  /// - Precondition: `reads(dtype)`, and `source` holds at least that many elements.
  public static func read(
    _ source: UnsafeRawBufferPointer, as dtype: DType, into target: UnsafeMutableBufferPointer<Float>
  ) {
    let count = target.count
    precondition(source.count >= count * dtype.bitCount / 8, "fewer elements than asked for")
    guard count > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
    switch dtype {
    case .f32: UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: count * 4)
    case .bf16: convert(from, to, count) { HalfFloats.float(bf16: $0) }
    case .f16: convert(from, to, count) { HalfFloats.float(f16: $0) }
    case .f64: convert(from, to, count) { Float($0 as Double) }
    case .f8e4m3: convert(from, to, count) { HalfFloats.float(f8e4m3: $0) }
    case .f8e5m2: convert(from, to, count) { HalfFloats.float(f8e5m2: $0) }
    case .f8e8m0: convert(from, to, count) { HalfFloats.float(f8e8m0: $0) }
    case .u8: convert(from, to, count) { Float($0 as UInt8) }
    case .i8: convert(from, to, count) { Float($0 as Int8) }
    case .u16: convert(from, to, count) { Float($0 as UInt16) }
    case .i16: convert(from, to, count) { Float($0 as Int16) }
    case .u32: convert(from, to, count) { Float($0 as UInt32) }
    case .i32: convert(from, to, count) { Float($0 as Int32) }
    default: preconditionFailure("\(dtype.rawValue) cannot be read as numbers")
    }
  }

  /// Writes all of `source` as `dtype`, which is one of f32, f16, bf16; rounds to nearest, ties to even.
  public static func write(
    _ source: UnsafeBufferPointer<Float>, as dtype: DType, into target: UnsafeMutableRawBufferPointer
  ) {
    let count = source.count
    precondition(target.count >= count * dtype.bitCount / 8, "no room for the elements")
    guard count > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
    switch dtype {
    case .f32: to.copyMemory(from: from, byteCount: count * 4)
    case .bf16:
      for index in 0..<count {
        to.storeBytes(of: HalfFloats.bf16(from[index]), toByteOffset: index * 2, as: UInt16.self)
      }
    case .f16:
      for index in 0..<count {
        to.storeBytes(of: HalfFloats.f16(from[index]), toByteOffset: index * 2, as: UInt16.self)
      }
    default: preconditionFailure("\(dtype.rawValue) is not written from float32")
    }
  }

  @inline(__always)
  private static func convert<Element: BitwiseCopyable>(
    _ from: UnsafeRawPointer, _ to: UnsafeMutablePointer<Float>, _ count: Int, _ body: (Element) -> Float
  ) {
    for index in 0..<count {
      to[index] = body(from.loadUnaligned(fromByteOffset: index * MemoryLayout<Element>.size, as: Element.self))
    }
  }
}
