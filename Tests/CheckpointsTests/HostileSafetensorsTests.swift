// SPDX-License-Identifier: Apache-2.0
// Safetensors files that must be refused: with a reason, and without costing memory or time.

import Basics
import Checkpoints
import Support
import Tensors
import Testing

/// A file and a part of the reason it is refused for.
struct HostileFile: CustomTestStringConvertible, Sendable {
  let name: String
  let bytes: [UInt8]
  let reason: String
  var testDescription: String { name }

  init(_ name: String, _ bytes: [UInt8], _ reason: String) {
    self.name = name
    self.bytes = bytes
    self.reason = reason
  }
}

@Suite("Hostile safetensors")
struct HostileSafetensorsTests {
  private static func one(_ entry: String, data: Int = 8) -> [UInt8] {
    SafetensorsBuilder.file(#"{"t":\#(entry)}"#, data: Array(repeating: 0, count: data))
  }

  private static func two(_ first: (Int, Int), _ second: (Int, Int), data: Int) -> [UInt8] {
    func entry(_ range: (Int, Int)) -> String {
      #"{"dtype":"U8","shape":[\#(range.1 - range.0)],"data_offsets":[\#(range.0),\#(range.1)]}"#
    }
    return SafetensorsBuilder.file(
      #"{"a":\#(entry(first)),"b":\#(entry(second))}"#, data: Array(repeating: 0, count: data))
  }

  private static let right = #"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#

  static let files: [HostileFile] = [
    HostileFile("nothing", [], "too few"),
    HostileFile("seven bytes", [1, 2, 3, 4, 5, 6, 7], "too few"),
    HostileFile("length of zero", SafetensorsBuilder.file(""), "does not begin"),
    HostileFile("length beyond the file", SafetensorsBuilder.file("{}", length: 3), "file ends"),
    HostileFile("length beyond the limit", SafetensorsBuilder.file("{}", length: 100_000_001), "at most"),
    HostileFile("length of 2^63", SafetensorsBuilder.file("{}", length: 1 << 63), "at most"),
    HostileFile("length of 2^64 - 1", SafetensorsBuilder.file("{}", length: .max), "at most"),
    HostileFile("leading blank", SafetensorsBuilder.file(" {}"), "does not begin"),
    HostileFile("an array", SafetensorsBuilder.file("[]"), "does not begin"),
    HostileFile("padding with zeros", SafetensorsBuilder.file("{}\0\0"), "something follows"),
    HostileFile("two documents", SafetensorsBuilder.file("{}{}"), "something follows"),
    HostileFile("unclosed", SafetensorsBuilder.file("{"), "ends too early"),
    HostileFile(
      "comma at the end", SafetensorsBuilder.file(#"{"t":\#(right),}"#, data: Array(repeating: 0, count: 8)),
      "unexpected"),
    HostileFile("invalid UTF-8", littleEndian(UInt64(6)) + [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x7D], "UTF-8"),
    HostileFile("half a surrogate", SafetensorsBuilder.file(#"{"\ud800":{}}"#), "surrogate"),
    HostileFile("tensor is a number", one("1"), "unexpected"),
    HostileFile("tensor is null", one("null"), "unexpected"),
    HostileFile("no dtype", one(#"{"shape":[2],"data_offsets":[0,8]}"#), "missing"),
    HostileFile("no shape", one(#"{"dtype":"F32","data_offsets":[0,8]}"#), "missing"),
    HostileFile("no offsets", one(#"{"dtype":"F32","shape":[2]}"#), "missing"),
    HostileFile("unknown dtype", one(#"{"dtype":"F33","shape":[2],"data_offsets":[0,8]}"#), "unknown dtype"),
    HostileFile("lower-case dtype", one(#"{"dtype":"f32","shape":[2],"data_offsets":[0,8]}"#), "unknown dtype"),
    HostileFile("dtype is a number", one(#"{"dtype":5,"shape":[2],"data_offsets":[0,8]}"#), "unexpected"),
    HostileFile("dtype twice", one(#"{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}"#), "twice"),
    HostileFile("negative dimension", one(#"{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}"#), "whole number"),
    HostileFile(
      "dimension with a fraction", one(#"{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}"#), "whole number"),
    HostileFile(
      "dimension of 2^64", one(#"{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]}"#), "whole number"),
    HostileFile(
      "shape overflows", one(#"{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}"#), "overflows"),
    HostileFile(
      "bytes overflow", one(#"{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,8]}"#), "whole bytes"),
    HostileFile(
      "zero hides an overflow", one(#"{"dtype":"U8","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}"#),
      "overflows"),
    HostileFile("shape is a string", one(#"{"dtype":"F32","shape":"2","data_offsets":[0,8]}"#), "unexpected"),
    HostileFile(
      "65 axes",
      one(
        #"{"dtype":"U8","shape":[\#(Array(repeating: "1", count: 65).joined(separator: ","))],"data_offsets":[0,1]}"#),
      "more than 64"),
    HostileFile(
      "a million axes",
      one(#"{"dtype":"U8","shape":[\#(String(repeating: "1,", count: 1_000_000))1],"data_offsets":[0,1]}"#),
      "more than 64"),
    HostileFile("half a byte", one(#"{"dtype":"F4","shape":[3],"data_offsets":[0,1]}"#), "whole bytes"),
    HostileFile("one offset", one(#"{"dtype":"F32","shape":[2],"data_offsets":[8]}"#), "no range"),
    HostileFile("three offsets", one(#"{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}"#), "more than 2"),
    HostileFile("offsets backwards", one(#"{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#), "no range"),
    HostileFile("offset with a fraction", one(#"{"dtype":"F32","shape":[2],"data_offsets":[0,8.0]}"#), "whole number"),
    HostileFile("negative offset", one(#"{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}"#), "whole number"),
    HostileFile(
      "size is not shape times type", one(#"{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#), "take 12 bytes"),
    HostileFile("data cut short", one(right, data: 7), "cut short"),
    HostileFile("bytes after the data", one(right, data: 9), "belong to none"),
    HostileFile("data without tensors", SafetensorsBuilder.file("{}", data: [1]), "belong to none"),
    HostileFile("starts later than zero", two((1, 4), (4, 8), data: 8), "belong to no tensor"),
    HostileFile("a hole", two((0, 4), (5, 8), data: 8), "belong to no tensor"),
    HostileFile("an overlap", two((0, 5), (4, 8), data: 8), "overlap"),
    HostileFile("the same range twice", two((0, 8), (0, 8), data: 8), "overlap"),
    HostileFile("far beyond the file", two((0, 8), (8, 1 << 60), data: 8), "cut short"),
    HostileFile(
      "a name twice", SafetensorsBuilder.file(#"{"t":\#(right),"t":\#(right)}"#, data: Array(repeating: 0, count: 8)),
      "twice"),
    HostileFile("metadata twice", SafetensorsBuilder.file(#"{"__metadata__":{},"__metadata__":{}}"#), "twice"),
    HostileFile("metadata is a list", SafetensorsBuilder.file(#"{"__metadata__":[]}"#), "not an object"),
    HostileFile("metadata holds a number", SafetensorsBuilder.file(#"{"__metadata__":{"a":1}}"#), "strings"),
    HostileFile(
      "metadata nests deeply", SafetensorsBuilder.file(#"{"__metadata__":\#(String(repeating: "[", count: 100_000))"#),
      "deeper"),
    HostileFile("extra key nests deeply", one(#"{"x":\#(String(repeating: "[", count: 100_000))"#), "deeper"),
  ]

  @Test("each is refused with its reason", arguments: files)
  func refused(_ file: HostileFile) throws {
    let folder = try TemporaryFolder()
    let path = try folder.scratch(file.bytes, "model.safetensors")
    let problem = #expect(throws: CheckpointProblem.self) { try SafetensorsFile(path) }
    #expect(problem?.why?.contains(file.reason) == true, "\(problem?.description ?? "")")
    #expect(problem?.status == .mismatch)
    #expect(problem?.what.contains("model.safetensors") == true)
  }

  @Test("every proper prefix of a file is refused, and no changed byte can do harm")
  func prefixesAndChanges() throws {
    let whole = SafetensorsBuilder.floats([("a", [2], [1, 2]), ("b.c", [1, 3], [3, 4, 5])])
    let folder = try TemporaryFolder()
    for length in 0..<whole.count {
      let path = try folder.scratch(Array(whole[..<length]), "p.safetensors")
      #expect(throws: CheckpointProblem.self) { try SafetensorsFile(path) }
    }
    for place in 0..<whole.count {
      for bit in [UInt8(1), 0x10, 0x80] {
        var changed = whole
        changed[place] ^= bit
        let path = try folder.scratch(changed, "c.safetensors")
        // It may still be a valid file: then all it holds can be read.
        guard let file = try? SafetensorsFile(path) else { continue }
        for name in file.names { _ = try? file.require(name).floats() }
      }
    }
  }

  @Test("names from files reach messages without their control characters")
  func names() throws {
    let folder = try TemporaryFolder()
    let bytes = SafetensorsBuilder.file(#"{"\u001b[31m\u202ered":{"dtype":"F32"}}"#)
    let problem = #expect(throws: CheckpointProblem.self) {
      try SafetensorsFile(try folder.write(bytes, to: "x.safetensors"))
    }
    #expect(problem?.what.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E } == true)
  }

  @Test("folders and missing files are refused as such")
  func notFiles() throws {
    let folder = try TemporaryFolder()
    #expect(throws: CheckpointProblem.file(.notFound(path: "\(folder.path)/none"))) {
      try SafetensorsFile("\(folder.path)/none")
    }
    #expect(throws: CheckpointProblem.self) { try SafetensorsFile(folder.path) }
  }
}
