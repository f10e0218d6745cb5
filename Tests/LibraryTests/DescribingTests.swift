// SPDX-License-Identifier: Apache-2.0
// What of a model is not supported, by the name of the missing piece.

import Basics
import Library
import Support
import Testing

@Suite("Describing")
struct DescribingTests {
  /// A setting of config.json or tokenizer.json that this program does not know, and what it says of it.
  struct Piece: Sendable, CustomTestStringConvertible {
    var file: String
    var settings: JSONObject
    var names: String
    var testDescription: String { names }
  }

  static let pieces = [
    Piece(file: "config.json", settings: ["model_type": "mamba9"], names: #"architecture "mamba9""#),
    Piece(
      file: "config.json", settings: ["rope_scaling": ["rope_type": "spiral", "factor": 2]],
      names: #"rope scaling "spiral""#),
    Piece(file: "config.json", settings: ["hidden_act": "quick_swish"], names: #"activation "quick_swish""#),
    Piece(
      file: "config.json", settings: ["quantization_config": ["quant_method": "aqlm"]],
      names: #"quantization method "aqlm""#),
    Piece(
      file: "config.json", settings: ["quantization": ["mode": "mxfp3", "bits": 3, "group_size": 32]],
      names: #"quantization mode "mxfp3""#),
    Piece(file: "tokenizer.json", settings: ["model": ["type": "Quantum"]], names: #""Quantum""#),
    Piece(file: "tokenizer.json", settings: ["normalizer": ["type": "Magic"]], names: #""Magic""#),
    Piece(file: "tokenizer.json", settings: ["pre_tokenizer": ["type": "Split9"]], names: #""Split9""#),
  ]

  /// A copy of a fixture with some settings of a file changed.
  private func folder(_ file: String, _ settings: JSONObject) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
      var bytes = try Fixtures.bytes("models/llama/\(name)")
      if name == file, var object = try JSONReader.parse(bytes).objectValue {
        for (key, value) in settings { object[key] = value }
        bytes = Array(JSONWriter.string(.object(object)).utf8)
      }
      try folder.write(bytes, to: name)
    }
    return folder
  }

  @Test("names the piece that is missing", arguments: pieces) func missing(_ piece: Piece) throws {
    let folder = try folder(piece.file, piece.settings)
    let facts = try Describing.facts(folder: folder.path)
    #expect(facts.unsupported?.status == .unsupported)
    #expect(facts.unsupported?.description.contains(piece.names) == true, "\(facts.unsupported?.description ?? "-")")
  }

  @Test("nothing is missing of a whole model, nor of one whose tokenizer is broken or absent") func whole() throws {
    let whole = try folder("", [:])
    #expect(try Describing.facts(folder: whole.path).unsupported == nil)
    try whole.write("{", to: "tokenizer.json")
    #expect(try Describing.facts(folder: whole.path).unsupported == nil)
    try Files.remove("\(whole.path)/tokenizer.json")
    #expect(try Describing.facts(folder: whole.path).unsupported == nil)
  }
}
