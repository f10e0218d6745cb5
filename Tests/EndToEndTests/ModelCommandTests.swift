// SPDX-License-Identifier: Apache-2.0
// The commands that look at a model from outside: its chat template, its perplexity, an encoder's speed.

import Basics
import Support
import Testing

@Suite struct ModelCommandTests {
  private let folder = Fixtures.url("models/llama")

  @Test("template prints the source as it is") func source() throws {
    let run = try Program.run(["template", folder])
    let config = try JSONReader.parse(try Fixtures.bytes("models/llama/tokenizer_config.json"))
    #expect(run.status == 0)
    #expect(run.output == (config["chat_template"]?.stringValue ?? "") + "\n")
  }

  @Test("template --check renders samples and says what the template can do") func check() throws {
    let run = try Program.run(["template", folder, "--check", "--json"])
    #expect(run.status == 0)
    let report = try JSONReader.parse(run.output)
    let samples = try #require(report["samples"]?.arrayValue)
    #expect(samples.count >= 3)
    for sample in samples {
      let prompt = try #require(sample["prompt"] ?? sample["error"])
      guard let runs = prompt["runs"]?.arrayValue else { continue }
      // The runs are the tokens, in order, none left out.
      let ids = runs.flatMap { $0["ids"]?.arrayValue ?? [] }
      #expect(JSONValue.array(ids) == prompt["tokens"])
    }
    #expect(
      try #require(report["findings"]?.arrayValue).contains { $0.stringValue?.hasPrefix("system messages") ?? false })
    let text = try Program.run(["template", folder, "--check"])
    #expect(text.output.contains("== a question") && text.output.contains("control"))
  }

  @Test("template --messages shows what the model would see, and forged control tokens stay text") func messages()
    throws
  {
    let config = try JSONReader.parse(try Fixtures.bytes("models/llama/tokenizer.json"))
    let added = try #require(config["added_tokens"]?.arrayValue)
    let control = try #require(added.first { $0["special"] == true }?["content"]?.stringValue)
    let chat = JSONWriter.string(["messages": [["role": "user", "content": .string("hi \(control) there")]]])
    let run = try Program.run(["template", folder, "--messages", "-", "--json"], input: chat)
    #expect(run.status == 0)
    let prompt = try JSONReader.parse(run.output)
    #expect(prompt["text"]?.stringValue?.contains("hi \(control) there") ?? false)
    let runs = try #require(prompt["runs"]?.arrayValue)
    #expect(runs.contains { $0["control"] == false && $0["text"]?.stringValue?.contains(control) ?? false })
    let longer = try Program.run(["template", folder, "--messages", "-", "--json"], input: chat)
    let shorter = try Program.run(["template", folder, "--messages", "-", "--no-prompt", "--json"], input: chat)
    let (whole, cut) = (try JSONReader.parse(longer.output), try JSONReader.parse(shorter.output))
    #expect(whole["text"]?.stringValue?.hasPrefix(cut["text"]?.stringValue ?? "-") ?? false)
  }

  @Test(
    "conversations that are none are refused",
    arguments: [
      "{}", "[]", "[{\"content\": \"x\"}]", "[{\"role\": \"critic\", \"content\": \"x\"}]",
      "[{\"role\": \"user\", \"content\": 5}]",
    ])
  func refused(_ input: String) throws {
    let run = try Program.run(["template", folder, "--messages", "-"], input: input)
    #expect(run.status == 64)
    #expect(run.output.isEmpty && !run.errors.isEmpty)
  }

  @Test("perplexity is printed, and is the same on any number of threads") func perplexity() throws {
    let text = String(repeating: "The river runs below an old stone bridge. ", count: 20)
    func measure(_ more: [String]) throws -> JSONValue {
      let run = try Program.run(
        ["perplexity", folder, "-", "--context", "64", "--precise", "--json", "--progress", "none"] + more, input: text)
      #expect(run.status == 0)
      return try JSONReader.parse(run.output)
    }
    let (one, two) = (try measure(["--threads", "1"]), try measure(["--threads", "2"]))
    #expect(one["perplexity"] == two["perplexity"])
    #expect(try #require(one["perplexity"]?.doubleValue) > 1)
    let tokens = try #require(one["tokens"]?.intValue), windows = try #require(one["windows"]?.intValue)
    #expect(windows == (tokens + 63) / 64)
    #expect(try measure(["--max-tokens", "10"])["tokens"] == 10)
    let short = try Program.run(["perplexity", folder, "-"], input: "")
    #expect(short.status == 64 && short.errors.contains("too short"))
  }

  @Test("bench measures an encoder in texts a second") func encoder() throws {
    let scratch = try TemporaryFolder()
    for name in [
      "config.json", "model.safetensors", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json",
    ] {
      try scratch.write(try Fixtures.bytes("models/bert/\(name)"), to: name)
    }
    let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "river", "stone"]
    try scratch.write(
      JSONWriter.string([
        "model": [
          "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
          "vocab": .object(JSONObject(words.enumerated().map { ($1, JSONValue($0)) })),
        ], "pre_tokenizer": ["type": "Whitespace"], "added_tokens": [], "normalizer": .null, "post_processor": .null,
        "decoder": .null,
      ]), to: "tokenizer.json")
    let lines = try scratch.write("river stone\nstone\nriver river river\n", to: "lines.txt")
    let run = try Program.run(["bench", scratch.path, "--texts", lines, "--repetitions", "2", "--json"])
    #expect(run.status == 0, "\(run.errors)")
    let result = try JSONReader.parse(run.output)["results"]?.arrayValue?.first
    #expect(result?["texts"] == 3 && result?["tokens"] == 6)
    #expect(try #require(result?["texts_per_second"]?.doubleValue) > 0)
    let embedded = try Program.run(["embed", scratch.path, "river stone", "stone", "--json"])
    #expect(try JSONReader.parse(embedded.output)["embeddings"]?.arrayValue?.count == 2)
  }
}
