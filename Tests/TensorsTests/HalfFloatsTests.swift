// SPDX-License-Identifier: Apache-2.0

import Tensors
import Testing

@Suite("HalfFloats")
struct HalfFloatsTests {
  @Test("every half survives the way to float32 and back")
  func halfRoundTrip() {
    for bits in UInt16.min ... .max {
      let value = HalfFloats.float(f16: bits)
      if value.isNaN {
        #expect(bits & 0x7C00 == 0x7C00 && bits & 0x3FF != 0)
      } else if HalfFloats.f16(value) != bits || Float(Float16(bitPattern: bits)) != value {
        Issue.record("half \(bits)")
      }
    }
  }

  @Test("narrowing to half rounds as the compiler's Float16 does")
  func halfRounding() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200_000 {
      let value = Float(bitPattern: generator.next())
      let (ours, theirs) = (HalfFloats.f16(value), Float16(value).bitPattern)
      if value.isNaN ? ours & 0x7FFF <= 0x7C00 : ours != theirs {
        Issue.record("\(value.bitPattern): \(ours) \(theirs)")
      }
    }
    for value: Float in [65519, 65520, 0x1p-24, 0x1p-25, 0x1.8p-25, 0x1.000002p-25, -0.0, .infinity, 6.1035e-5] {
      #expect(HalfFloats.f16(value) == Float16(value).bitPattern)
    }
  }

  @Test(
    "bfloat16 rounds to nearest, ties to even",
    arguments: [
      (UInt32(0x3F80_0000), UInt16(0x3F80)), (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82), (0x3F80_8001, 0x3F81),
      (0x7F7F_FFFF, 0x7F80), (0x7F80_0000, 0x7F80), (0x7F80_0001, 0x7FC0), (0xFFFF_FFFF, 0xFFFF), (0x8000_0000, 0x8000),
    ])
  func brainFloat(bits: UInt32, expected: UInt16) { #expect(HalfFloats.bf16(Float(bitPattern: bits)) == expected) }

  @Test("8-bit floats have the values of the OCP tables")
  func eightBit() {
    #expect(HalfFloats.float(f8e4m3: 0x7E) == 448)
    #expect(HalfFloats.float(f8e4m3: 0x01) == 0x1p-9)
    #expect(HalfFloats.float(f8e4m3: 0xB8) == -1)
    #expect(HalfFloats.float(f8e4m3: 0x7F).isNaN)
    #expect(HalfFloats.float(f8e5m2: 0x7B) == 57344)
    #expect(HalfFloats.float(f8e5m2: 0x7C) == .infinity)
    #expect(HalfFloats.float(f8e8m0: 127) == 1)
    #expect(HalfFloats.float(f8e8m0: 0) == 0x1p-127)
    #expect(HalfFloats.float(f8e8m0: 255).isNaN)
  }
}
