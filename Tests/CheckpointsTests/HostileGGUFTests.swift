// SPDX-License-Identifier: Apache-2.0
// GGUF files that must be refused: with a reason, and without costing memory or time.

import Basics
import Checkpoints
import Support
import Testing

@Suite("Hostile GGUF")
struct HostileGGUFTests {
  private static let bytes32 = [UInt8](repeating: 1, count: 32)

  /// A small right file.
  private static var right: GGUFBuilder {
    var builder = GGUFBuilder()
    builder.metadata = [
      ("general.architecture", .string("llama")), ("llama.block_count", .u32(2)),
      ("tokenizer.ggml.tokens", .strings(["a", "b"])), ("tokenizer.ggml.scores", .f32s([0, -1])),
      ("llama.rope.freq_base", .f32(10000)), ("flag", .bool(true)),
    ]
    builder.tensors = [
      GGUFBuilder.Tensor("token_embd.weight", [4, 2], type: 0, data: bytes32),
      GGUFBuilder.Tensor("output_norm.weight", [32], type: 8, data: Array(repeating: 1, count: 34)),
    ]
    return builder
  }

  private static func changed(_ change: (inout GGUFBuilder) -> Void) -> [UInt8] {
    var builder = right
    change(&builder)
    return builder.bytes()
  }

  private static func tensor(_ tensor: GGUFBuilder.Tensor) -> [UInt8] { changed { $0.tensors = [tensor] } }
  private static func value(_ type: UInt32, _ bytes: [UInt8]) -> [UInt8] {
    changed { $0.metadata = [("k", .raw(type, bytes))] }
  }

  static let files: [HostileFile] = [
    HostileFile("nothing", [], "ends at byte 0"),
    HostileFile("another magic", changed { $0.magic = Array("GGML".utf8) }, "GGUF"),
    HostileFile("version 0", changed { $0.version = 0 }, "version 0"),
    HostileFile("version 1", changed { $0.version = 1 }, "version 1"),
    HostileFile("version 4", changed { $0.version = 4 }, "version 4"),
    HostileFile("big-endian", changed { $0.version = 0x0300_0000 }, "big-endian"),
    HostileFile("2^63 tensors", changed { $0.tensorCount = 1 << 63 }, "cannot fit"),
    HostileFile("a million tensors", changed { $0.tensorCount = 1_000_000 }, "cannot fit"),
    HostileFile("one tensor too many", changed { $0.tensorCount = 3 }, ""),
    HostileFile("2^64 - 1 keys", changed { $0.keyCount = .max }, "cannot fit"),
    HostileFile("one key too many", changed { $0.keyCount = 7 }, ""),
    HostileFile("key of no bytes", changed { $0.metadata.append(("", .u32(1))) }, "0 bytes"),
    HostileFile("key twice", changed { $0.metadata.append(("flag", .u32(1))) }, "twice"),
    HostileFile("unknown value type", value(13, [0, 0, 0, 0]), "value type 13"),
    HostileFile("boolean of 2", value(7, [2]), "boolean"),
    HostileFile("string of 2^64 - 1", value(8, littleEndian(UInt64.max)), "cannot fit"),
    HostileFile("string beyond the file", value(8, littleEndian(UInt64(10_000)) + [65]), "cannot fit"),
    HostileFile("string not UTF-8", value(8, littleEndian(UInt64(2)) + [0xC3, 0x28]), "UTF-8"),
    HostileFile(
      "array of 2^61 numbers", value(9, littleEndian(UInt32(4)) + littleEndian(UInt64(1) << 61)), "cannot fit"),
    HostileFile(
      "array of 2^40 strings", value(9, littleEndian(UInt32(8)) + littleEndian(UInt64(1) << 40)), "cannot fit"),
    HostileFile(
      "array whose string is too long",
      value(9, littleEndian(UInt32(8)) + littleEndian(UInt64(1)) + littleEndian(UInt64(1) << 62)), "cannot fit"),
    HostileFile("array of arrays", value(9, littleEndian(UInt32(9)) + littleEndian(UInt64(1))), "array of arrays"),
    HostileFile("array of an unknown type", value(9, littleEndian(UInt32(77)) + littleEndian(UInt64(0))), "type 77"),
    HostileFile("alignment of 0", changed { $0.metadata.append(("general.alignment", .u32(0))) }, "power of two"),
    HostileFile("alignment of 24", changed { $0.metadata.append(("general.alignment", .u32(24))) }, "power of two"),
    HostileFile(
      "alignment is a text", changed { $0.metadata.append(("general.alignment", .string("32"))) }, "power of two"),
    HostileFile(
      "alignment of 2^31", changed { $0.metadata.append(("general.alignment", .u32(1 << 31))) }, "power of two"),
    HostileFile("tensor without a name", tensor(.init("", [1], type: 0, data: bytes32)), "name of 0"),
    HostileFile(
      "name of 65 bytes", tensor(.init(String(repeating: "n", count: 65), [1], type: 0, data: bytes32)), "name of 65"),
    HostileFile("name twice", changed { $0.tensors[1].name = "token_embd.weight" }, "twice"),
    HostileFile("5 axes", tensor(.init("t", [1, 1, 1, 1, 1], type: 0, data: bytes32)), "5 axes"),
    HostileFile("axis of 0", tensor(.init("t", [0], type: 0, data: bytes32)), "axis of 0"),
    HostileFile("axis of 2^63", tensor(.init("t", [1 << 63], type: 0, data: bytes32)), "axis of"),
    HostileFile("axes overflow", tensor(.init("t", [1 << 32, 1 << 32], type: 0, data: bytes32)), "overflows"),
    HostileFile("bytes overflow", tensor(.init("t", [1 << 62], type: 28, data: bytes32)), "overflows"),
    HostileFile("unknown type", tensor(.init("t", [32], type: 99, data: bytes32)), "unknown type 99"),
    HostileFile("a type that is not read", tensor(.init("t", [256], type: 16, data: bytes32)), "IQ2_XXS"),
    HostileFile("half a block", tensor(.init("t", [48], type: 2, data: bytes32)), "whole blocks"),
    HostileFile("half a large block", tensor(.init("t", [128], type: 12, data: bytes32)), "whole blocks"),
    HostileFile("offset not aligned", changed { $0.tensors[1].offset = 33 }, "multiple of 32"),
    HostileFile("offset beyond the file", changed { $0.tensors[1].offset = 1 << 40 }, "cut short"),
    HostileFile("offset of 2^64 - 32", changed { $0.tensors[1].offset = .max - 31 }, "cut short"),
    HostileFile("overlap", changed { $0.tensors[1].offset = 0 }, "overlap"),
    HostileFile("no data at all", right.head().bytes, "cut short"),
    HostileFile("last byte missing", Array(right.bytes().dropLast()), "cut short"),
  ]

  @Test("each is refused with its reason", arguments: files)
  func refused(_ file: HostileFile) throws {
    let folder = try TemporaryFolder()
    let path = try folder.scratch(file.bytes, "model.gguf")
    let problem = #expect(throws: CheckpointProblem.self) { try GGUFFile(path) }
    #expect(file.reason.isEmpty || problem?.why?.contains(file.reason) == true, "\(problem?.description ?? "")")
    #expect(problem?.what.contains("model.gguf") == true)
    #expect(problem?.status == .mismatch || problem?.status == .unsupported)
  }

  @Test("a file cut at any boundary, or a byte beside it, is refused")
  func truncation() throws {
    let whole = Self.right.bytes()
    let folder = try TemporaryFolder()
    for boundary in Self.right.head().boundaries {
      for length in [boundary - 1, boundary, boundary + 1] where length < whole.count {
        let path = try folder.scratch(Array(whole[..<length]), "x.gguf")
        #expect(throws: CheckpointProblem.self) { try GGUFFile(path) }
      }
    }
    #expect(throws: Never.self) { try GGUFFile(try folder.write(whole, to: "x.gguf")) }
  }

  @Test("no changed byte can do harm")
  func changes() throws {
    let whole = Self.right.bytes()
    let folder = try TemporaryFolder()
    for place in 0..<whole.count {
      for bit in [UInt8(1), 0x08, 0x80] {
        var bytes = whole
        bytes[place] ^= bit
        guard let file = try? GGUFFile(try folder.scratch(bytes, "x.gguf")) else { continue }
        for value in file.metadata.values {
          _ = value.arrayValue?.strings
          _ = value.arrayValue?.floats
        }
        for tensor in file.tensors {
          #expect(tensor.bytes.count == tensor.byteCount)
        }
      }
    }
  }
}
