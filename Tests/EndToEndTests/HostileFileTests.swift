// SPDX-License-Identifier: Apache-2.0
// Broken and hostile files, given to the program as a user would: one clear problem, a documented exit code, and a store
// that is as it was.

import Basics
import Support
import Testing

@Suite struct HostileFileTests {
  /// A model folder with one file changed.
  struct Case: Sendable, CustomTestStringConvertible {
    var file: String
    var name: String
    var change: @Sendable ([UInt8]) -> [UInt8]
    /// Only seen when the model runs: a pull or import takes tokenizers as they are.
    var needsRun = false
    var testDescription: String { "\(file): \(name)" }
  }

  private static let weights = "model.safetensors"

  private static func text(_ file: String, _ name: String, _ text: String, needsRun: Bool = false) -> Case {
    Case(file: file, name: name, change: { _ in Array(text.utf8) }, needsRun: needsRun)
  }

  private static func replacing(_ file: String, _ old: String, _ new: String, needsRun: Bool = false) -> Case {
    Case(
      file: file, name: "\(old.prefix(30)) → \(new.prefix(30))",
      change: { bytes in
        let (from, to) = (Array(old.utf8), Array(new.utf8))
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: from) }) else { return [] }
        return bytes[..<start] + to + bytes[(start + from.count)...]
      }, needsRun: needsRun)
  }

  private static func head(_ name: String, _ count: UInt64) -> Case {
    Case(file: weights, name: name) { bytes in
      (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * UInt64($0))) } + bytes.dropFirst(8)
    }
  }

  private static let safetensors: [Case] =
    [0, 1, 7, 8, 9, 100, 2000, 100_000, 232_175].map { count in
      Case(file: weights, name: "cut to \(count) bytes") { Array($0.prefix(count)) }
    } + [
      head("header of 0", 0), head("header of 2^63", 1 << 63), head("header of 2^64 - 1", .max), head("header of 1", 1),
      head("header of the whole file", 232_176), head("header of 100 MB and more", 100_000_001),
      Case(file: weights, name: "a byte more", change: { $0 + [0] }),
      Case(file: weights, name: "zeros", change: { [UInt8](repeating: 0, count: $0.count) }),
      replacing(weights, "\"BF16\"", "\"BF61\""), replacing(weights, "\"BF16\"", "\"F32\" "),
      replacing(weights, "\"shape\":[", "\"shape\":[-"),
      replacing(weights, "\"data_offsets\":[0,", "\"data_offsets\":[1,"),
      replacing(weights, "model.embed_tokens.weight", "model.embed_tokens.weighs"),
      replacing(weights, "{", "["), replacing(weights, "\"dtype\"", "\"dtyp\\"),
      replacing(weights, "\"model.norm.weight\"", "\"lm_head.weight\"   "),
    ]

  private static let config: [Case] = [
    text("config.json", "empty", ""), text("config.json", "half", "{\"model_type\": \"lla"),
    text("config.json", "an array", "[]"), text("config.json", "a number", "1e999"),
    text("config.json", "depth", String(repeating: "[", count: 100_000)),
    text("config.json", "no type", "{}"),
    text("config.json", "unknown type", "{\"model_type\": \"x\\u001b[31my\"}", needsRun: true),
    Case(file: "config.json", name: "not UTF-8", change: { _ in [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D] }),
    replacing("config.json", "\"hidden_size\": 64", "\"hidden_size\": -64"),
    replacing("config.json", "\"hidden_size\": 64", "\"hidden_size\": 9223372036854775807"),
    replacing("config.json", "\"hidden_size\": 64", "\"hidden_size\": \"64\""),
    replacing("config.json", "\"hidden_size\": 64", "\"hidden_size\": 6.4"),
    replacing("config.json", "\"hidden_size\": 64", "\"hidden_size\": 128"),
    replacing("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000000"),
    replacing("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
    replacing("config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 0"),
    replacing("config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 7"),
    replacing("config.json", "\"vocab_size\": 320", "\"vocab_size\": 1e300"),
    replacing("config.json", "\"vocab_size\": 320", "\"vocab_size\": 2147483648"),
    replacing(
      "config.json", "\"model_type\": \"llama\"", "\"model_type\": \"llama\", \"quantization\": {\"bits\": 99}"),
    replacing(
      "config.json", "\"rope_scaling\": null", "\"rope_scaling\": {\"rope_type\": \"spiral\"}", needsRun: true),
  ]

  private static let tokenizer: [Case] =
    [0, 1, 100, 5000, 9174].map { count in
      Case(file: "tokenizer.json", name: "cut to \(count) bytes", change: { Array($0.prefix(count)) }, needsRun: true)
    } + [
      text("tokenizer.json", "an array", "[]", needsRun: true),
      text("tokenizer.json", "no model", "{}", needsRun: true),
      text("tokenizer.json", "depth", String(repeating: "{\"a\":", count: 100_000), needsRun: true),
      text("tokenizer.json", "unknown model", "{\"model\":{\"type\":\"Oracle\"}}", needsRun: true),
      text(
        "tokenizer.json", "ids beyond", "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":4294967297},\"merges\":[]}}",
        needsRun: true),
      text(
        "tokenizer.json", "a merge of nothing",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"x\",\"y\"]]}}", needsRun: true),
      text(
        "tokenizer.json", "a hostile expression",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(((\"},\"behavior\":\"Isolated\"}}",
        needsRun: true),
      text("tokenizer_config.json", "half", "{\"chat_template\": \"{% for", needsRun: true),
      text(
        "tokenizer_config.json", "a template without end", "{\"chat_template\": \"{% for m in messages %}\"}",
        needsRun: true),
      text(
        "tokenizer_config.json", "a template that never ends",
        "{\"chat_template\": \"{% for a in range(99999999) %}{% for b in range(99999999) %}x{% endfor %}{% endfor %}\"}",
        needsRun: true),
      text("generation_config.json", "wrong types", "{\"temperature\": \"hot\", \"eos_token_id\": {}}", needsRun: true),
    ]

  @Test("a model folder with a broken file", arguments: safetensors + config + tokenizer)
  func folder(_ one: Case) throws {
    let folder = try TemporaryFolder("impetus-hostile")
    let model = "\(folder.path)/model"
    try Files.makeFolders(model)
    for name in try Files.list(Fixtures.url("models/llama")) where name != "reference.json" {
      let bytes = try Files.read(Fixtures.url("models/llama/\(name)"))
      try AtomicFile.write(name == one.file ? one.change(bytes) : bytes, to: "\(model)/\(name)")
    }
    let environment = ["IMPETUS_HOME": "\(folder.path)/store", "HOME": folder.path]
    let words =
      one.needsRun
      ? ["run", model, "Hi", "--max-tokens", "2"] : ["import", model, "--name", "x", "--progress", "none"]
    let run = try Support.Program.run(words, environment: environment)
    #expect([2, 3, 6, 8].contains(run.status), "\(run.status) \(run.errors)")
    #expect(run.output.isEmpty)
    let lines = run.errors.split(separator: "\n")
    #expect(!run.errors.unicodeScalars.contains { $0.value == 27 || $0.value == 0 })
    #expect((1...3).contains(lines.count) && lines.first?.hasPrefix("impetus: ") == true, "\(run.errors)")
    #expect(try Support.Program.run(["list", "--quiet"], environment: environment).output.isEmpty)
    #expect(try Support.Program.run(["verify"], environment: environment).status == 0)
  }

  @Test("a GGUF file that is cut, or lies", arguments: 0..<24) func gguf(index: Int) throws {
    var builder = GGUFBuilder()
    builder.metadata = [("general.architecture", .string("llama")), ("llama.block_count", .u32(1))]
    var bytes = builder.bytes()
    switch index {
    case 0..<16: bytes = Array(bytes.prefix(bytes.count * index / 16))
    case 16: bytes[4] = 99
    case 17..<22: for offset in 8..<16 { bytes[offset + (index - 17) % 2 * 8] = 0xFF }
    case 22: bytes.append(contentsOf: [UInt8](repeating: 7, count: 1000))
    default: bytes = Array("GGUF".utf8) + [3, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 4096)
    }
    let folder = try TemporaryFolder("impetus-hostile")
    try AtomicFile.write(bytes, to: "\(folder.path)/m.gguf")
    let environment = ["IMPETUS_HOME": "\(folder.path)/store", "HOME": folder.path]
    let run = try Support.Program.run(
      ["import", "\(folder.path)/m.gguf", "--progress", "none"], environment: environment)
    #expect([2, 3, 8].contains(run.status), "\(run.status) \(run.errors)")
    #expect((1...3).contains(run.errors.split(separator: "\n").count), "\(run.errors)")
    #expect(try Support.Program.run(["list", "--quiet"], environment: environment).output.isEmpty)
  }
}
