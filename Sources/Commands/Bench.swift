// SPDX-License-Identifier: Apache-2.0
// `impetus bench`: how fast a model runs here, beside what the machine allows.

import ArgumentParser
import Basics
import Inference
import Library
import Store

struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast a model reads and writes on this machine.",
    discussion: """
      Reads prompts and decodes on fixed tokens, several times, and sets the middle of the samples beside the memory and
      int8 speed of the machine, which it measures too. GB/s are weights read, GOP/s are operations on them.

      Examples:
        impetus bench SmolLM2-135M-Instruct:q4
        impetus bench org/model --prompt 512 --decode 64 --batch 1,16 --depth 0,4096 --threads 2 --json
        impetus bench --info
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String?

  @Option(name: .long, help: "Tokens of the prompt; 0 leaves prompts out.")
  var prompt = 512

  @Option(name: .long, help: "Tokens to decode; 0 leaves decoding out.")
  var decode = 64

  @Option(name: .long, help: "Texts decoded together, several numbers with commas.", transform: Self.numbers)
  var batch = [1]

  @Option(name: .long, help: "Tokens that stand before, several numbers with commas.", transform: Self.numbers)
  var depth = [0]

  @Option(name: .long, help: "Times each is measured.")
  var repetitions = 5

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  @Flag(name: .long, help: "Compute in float32, as `run --precise` does.")
  var precise = false

  @Flag(name: .long, help: "Only measure the machine.")
  var info = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  static func numbers(_ text: String) throws -> [Int] {
    let numbers = text.split(separator: ",").map { Int($0) }
    guard !numbers.isEmpty, numbers.allSatisfy({ $0 != nil && $0! >= 0 && $0! <= 1 << 20 }) else {
      throw ValidationError("\"\(text)\" is no list of numbers such as 1,16")
    }
    return numbers.compactMap(\.self)
  }

  func validate() throws {
    guard (0...1 << 20).contains(prompt), (0...1 << 20).contains(decode), (1...1000).contains(repetitions) else {
      throw ValidationError("--prompt and --decode take 0 to 1048576, --repetitions 1 to 1000")
    }
    guard batch.allSatisfy({ (1...64).contains($0) }) else { throw ValidationError("--batch takes 1 to 64") }
    if let threads, !(1...256).contains(threads) { throw ValidationError("--threads takes 1 to 256") }
  }

  /// A line of the result.
  private struct Line: Sendable {
    var test: String
    var tokens: Int
    var depth: Int
    var batch: Int
    var result: ModelBenchmark.Result
    /// Weights read and operations a second.
    var bytes: Double
    var operations: Double
  }

  func run() async throws {
    if info {
      try await show(machineOnly: blocking { [count = threadCount] _ in try MachineCeiling.measure(threads: count) })
      return
    }
    let located = try storeOptions.locate(orDefault: model)
    let (deepest, widest) = (depth.max() ?? 0, batch.max() ?? 1)
    let context = deepest + max(prompt, decode) + 1
    let options = LoadedModel.Options(
      precise: precise, threads: threadCount, contextLength: context, sequences: widest + 1)
    let report = try await blocking { [self] isCancelled in
      let begin = ContinuousClock.now
      let loaded = try LoadedModel.load(folder: located.folder, options: options)
      let loadTime = ContinuousClock.now - begin
      var bench = try ModelBenchmark(loaded)
      var lines: [Line] = []
      for depth in depth {
        if prompt > 0, !isCancelled() {
          let result = try bench.prefill(prompt, depth: depth, repetitions: repetitions)
          lines.append(line("prefill", prompt, depth, 1, result, bench.bytesPerToken, bench.operationsPerToken))
        }
        for batch in batch where decode > 0 && !isCancelled() {
          let result = try bench.decode(decode, depth: depth, batch: batch, repetitions: repetitions)
          lines.append(line("decode", decode, depth, batch, result, bench.bytesPerToken, bench.operationsPerToken))
        }
      }
      if isCancelled() { throw CancellationError() }
      let first = try bench.prefill(20, depth: 0, repetitions: 3)
      let peak = Memory.peakResident
      let facts = try Describing.facts(folder: located.folder)
      return (
        lines, loadTime, firstToken: 20 / first.median, peak, facts, bytes: bench.bytesPerToken,
        try MachineCeiling.measure(threads: threadCount)
      )
    }
    let (lines, loadTime, firstToken, peak, facts, bytes, ceiling) = report
    if output.json {
      Output.standard.json([
        "machine": machine(ceiling),
        "model": [
          "ref": .string(located.name), "parameters": .integer(Int64(facts.parameterCount)),
          "weight_bytes": .integer(Int64(bytes)),
          "bits": .number((Double(bytes) * 8 / Double(max(1, facts.parameterCount)) * 100).rounded() / 100),
          "quantization": facts.description.quantization.map { .string($0) } ?? .null,
        ],
        "load_ms": .number(milliseconds(loadTime)), "first_token_ms": .number((firstToken * 10000).rounded() / 10),
        "peak_rss_bytes": .integer(Int64(peak)), "results": .array(lines.map(json)),
      ])
      return
    }
    show(lines, ceiling)
    note(
      "loaded in \(Quantity.duration(loadTime)), 20 tokens read in \(Quantity.decimal(firstToken * 1000, places: 1)) ms, peak memory \(Quantity.bytes(peak))"
    )
  }

  private var threadCount: Int { threads ?? Processor.usableCores }

  private func line(
    _ test: String, _ tokens: Int, _ depth: Int, _ batch: Int, _ result: ModelBenchmark.Result, _ bytes: Int,
    _ operations: Int
  ) -> Line {
    // A step reads the weights once for all its texts, or for as many tokens of a prompt as it takes.
    let tokensAtOnce = test == "prefill" ? min(tokens, 512) : batch
    return Line(
      test: test, tokens: tokens, depth: depth, batch: batch, result: result,
      bytes: result.median / Double(tokensAtOnce) * Double(bytes), operations: result.median * Double(operations))
  }

  private func show(_ lines: [Line], _ ceiling: MachineCeiling) {
    var table = Table([
      .init(heading: "test"), .init(heading: "depth", isNumeric: true), .init(heading: "texts", isNumeric: true),
      .init(heading: "tok/s", isNumeric: true), .init(heading: "GB/s", isNumeric: true),
      .init(heading: "GOP/s", isNumeric: true), .init(heading: "of the limit", isNumeric: true),
    ])
    for line in lines {
      let share = max(
        line.bytes / ceiling.readBytesPerSecond,
        ceiling.int8OperationsPerSecond > 0 ? line.operations / ceiling.int8OperationsPerSecond : 0)
      table.add([
        "\(line.test) \(line.tokens)", "\(line.depth)", "\(line.batch)",
        Quantity.decimal(line.result.median, places: line.result.median < 100 ? 1 : 0),
        Quantity.decimal(line.bytes / 1e9, places: 1), Quantity.decimal(line.operations / 1e9, places: 0),
        "\(Quantity.decimal(share * 100, places: 0)) %",
      ])
    }
    table.add(limits(ceiling))
    Output.standard.line(table.text(style: Style(for: .standard)))
    note("\(Processor.name), \(ceiling.isa), \(threadCount) threads")
  }

  private func limits(_ ceiling: MachineCeiling) -> [String] {
    [
      "this machine", "", "", "", Quantity.decimal(ceiling.readBytesPerSecond / 1e9, places: 1),
      Quantity.decimal(ceiling.int8OperationsPerSecond / 1e9, places: 0), "",
    ]
  }

  private func show(machineOnly ceiling: MachineCeiling) {
    if output.json {
      Output.standard.json(machine(ceiling))
      return
    }
    Output.standard.line("\(Processor.name), kernels \(ceiling.isa), \(threadCount) threads")
    Output.standard.line("memory read  \(Quantity.decimal(ceiling.readBytesPerSecond / 1e9, places: 1)) GB/s")
    Output.standard.line("int8         \(Quantity.decimal(ceiling.int8OperationsPerSecond / 1e9, places: 0)) GOP/s")
  }

  private func machine(_ ceiling: MachineCeiling) -> JSONValue {
    func tenths(_ value: Double) -> JSONValue { .number((value * 10).rounded() / 10) }
    return [
      "cpu": .string(Processor.name), "isa": .string(ceiling.isa), "threads": .integer(Int64(threadCount)),
      "read_gb_per_s": tenths(ceiling.readBytesPerSecond / 1e9),
      "int8_gop_per_s": tenths(ceiling.int8OperationsPerSecond / 1e9),
    ]
  }

  private func json(_ line: Line) -> JSONValue {
    func tenths(_ value: Double) -> JSONValue { .number((value * 10).rounded() / 10) }
    return [
      "test": .string(line.test), "tokens": .integer(Int64(line.tokens)), "depth": .integer(Int64(line.depth)),
      "batch": .integer(Int64(line.batch)), "tokens_per_second": tenths(line.result.median),
      "samples": .array(line.result.samples.map(tenths)), "gb_per_s": tenths(line.bytes / 1e9),
      "gop_per_s": tenths(line.operations / 1e9),
    ]
  }

  private func milliseconds(_ duration: Duration) -> Double {
    (Double(duration.components.attoseconds) * 1e-14 + Double(duration.components.seconds) * 1e4).rounded() / 10
  }
}
