// SPDX-License-Identifier: Apache-2.0
// Numbers and memory for the kernels' tests.

import CKernels

/// The instruction sets this machine has.
let instructionSets = (0..<CK_ISA_COUNT).map { ck_isa(rawValue: UInt32($0)) }.filter { ck_isa_supported($0) }

/// Numbers that look random and are the same in every run.
struct Noise {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// From -1 to 1.
  mutating func float() -> Float { Float(Int32(truncatingIfNeeded: next() >> 32)) / Float(Int32.max) }
  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 24) } }
}

/// Memory aligned as the kernels want it, freed with the value.
final class Aligned {
  let base: UnsafeMutableRawPointer

  init(_ byteCount: Int) {
    base = .allocate(byteCount: max(64, byteCount), alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: max(64, byteCount))
  }

  deinit { base.deallocate() }
}

/// An affine matrix with random codes, as it lies in a file.
final class Matrix {
  var weight = ck_weight()
  private let codes: Aligned
  private let scales: Aligned
  private let biases: Aligned

  init(rows: Int, inputs: Int, bits: Int, group: Int, dtype: ck_dtype, seed: Int) {
    var noise = Noise(seed)
    let codes = Aligned(rows * inputs * bits / 8)
    let bytes = noise.bytes(rows * inputs * bits / 8)
    self.codes = codes
    bytes.withUnsafeBytes { codes.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    let count = rows * inputs / group
    let steps = (0..<count).map { _ in (noise.float() * 0.5 + 0.6) / Float(1 << bits) }
    let offsets = steps.map { -$0 * Float(1 << (bits - 1)) * (1 + noise.float() * 0.2) }
    scales = Self.stored(steps, dtype)
    biases = Self.stored(offsets, dtype)
    weight.format = CK_AFFINE
    weight.dtype = dtype
    weight.rows = Int32(rows)
    weight.inputs = Int32(inputs)
    weight.bits = Int32(bits)
    weight.group = Int32(group)
    weight.data = UnsafeRawPointer(codes.base)
    weight.scales = UnsafeRawPointer(scales.base)
    weight.biases = UnsafeRawPointer(biases.base)
  }

  private static func stored(_ values: [Float], _ dtype: ck_dtype) -> Aligned {
    let memory = Aligned(values.count * 4)
    switch dtype {
    case CK_F32: values.withUnsafeBytes { memory.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    case CK_F16: ck_f32_to_f16(values, memory.base, values.count)
    default: ck_f32_to_bf16(values, memory.base, values.count)
    }
    return memory
  }
}
