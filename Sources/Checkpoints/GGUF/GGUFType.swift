// SPDX-License-Identifier: Apache-2.0
// The element types of GGUF tensors. Quantized types come in blocks; a row is whole blocks.
// Source: ggml's ggml.h (enum ggml_type) and ggml-common.h (block structures).

/// How a GGUF tensor's numbers are stored. The raw value is the number in the file.
public enum GGUFType: UInt32, Sendable, CaseIterable {
  case f32 = 0, f16 = 1
  case q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8
  case q2K = 10, q3K = 11, q4K = 12, q5K = 13, q6K = 14
  case iq4NL = 20, iq4XS = 23
  case i8 = 24, i16 = 25, i32 = 26, i64 = 27, f64 = 28
  case bf16 = 30
  case mxfp4 = 39

  /// Elements in a block.
  public var blockSize: Int {
    switch self {
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4NL, .mxfp4: 32
    case .q2K, .q3K, .q4K, .q5K, .q6K, .iq4XS: 256
    }
  }

  /// Bytes of a block.
  public var blockByteCount: Int {
    switch self {
    case .i8: 1
    case .f16, .bf16, .i16: 2
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .q4_0, .iq4NL: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .mxfp4: 17
    case .q2K: 84
    case .q3K: 110
    case .q4K: 144
    case .q5K: 176
    case .q6K: 210
    case .iq4XS: 136
    }
  }

  /// The name llama.cpp prints.
  public var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .bf16: "BF16"
    case .f64: "F64"
    case .i8: "I8"
    case .i16: "I16"
    case .i32: "I32"
    case .i64: "I64"
    case .q4_0: "Q4_0"
    case .q4_1: "Q4_1"
    case .q5_0: "Q5_0"
    case .q5_1: "Q5_1"
    case .q8_0: "Q8_0"
    case .q2K: "Q2_K"
    case .q3K: "Q3_K"
    case .q4K: "Q4_K"
    case .q5K: "Q5_K"
    case .q6K: "Q6_K"
    case .iq4NL: "IQ4_NL"
    case .iq4XS: "IQ4_XS"
    case .mxfp4: "MXFP4"
    }
  }

  /// Whether the type stores every number by itself.
  public var isPlain: Bool { blockSize == 1 }

  /// Names of types that exist and are not read, for messages.
  static let unreadNames: [UInt32: String] = [
    4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    21: "IQ3_S", 22: "IQ2_S", 29: "IQ1_M", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0",
    35: "TQ2_0", 40: "NVFP4",
  ]
}
