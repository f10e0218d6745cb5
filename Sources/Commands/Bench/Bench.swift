// SPDX-License-Identifier: Apache-2.0
// `impetus bench`: how fast a model runs here, beside what the machine allows.

import ArgumentParser
import Basics
import Inference
import Library
import Models
import Quantization
import Store

struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast a model reads and writes on this machine.",
    discussion: """
      Reads prompts and decodes on fixed tokens, several times, and sets the middle of the samples beside the memory and
      int8 speed of the machine, which it measures too. GB/s are weights, keys and values read, GOP/s are operations on
      them. With --random a model of any shape is measured that nobody has to download: its weights are made in memory.
      Encoders are measured in texts a second, from texts to vectors.

      Examples:
        impetus bench SmolLM2-135M-Instruct:q4
        impetus bench org/model --prompt 512 --decode 64 --batch 1,16 --depth 0,4096 --threads 2 --json
        impetus bench --random llama-8b
        impetus bench --random ./config.json --bits 8
        impetus bench --random llama-1b --mode mxfp4
        impetus bench SmolLM2-135M-Instruct:q4 --json > before.json
        impetus bench SmolLM2-135M-Instruct:q4 --compare before.json
        impetus bench all-MiniLM-L6-v2 --texts lines.txt
        impetus bench --info
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Random weights of a shape: \(RandomModel.shapes.joined(separator: ", ")), or a config.json.", valueName: "shape"),
    completion: .list(RandomModel.shapes))
  var random: String?

  @Option(
    name: .long, help: "With --random: bits a weight, 2, 3, 4, 5, 6 or 8; 16 for bfloat16. The config's own, else 4.")
  var bits: Int?

  @Option(name: .long, help: "With --random: weights that share a scale, 32, 64 or 128. The config's own, else 64.")
  var groupSize: Int?

  @Option(
    name: .long,
    help: "With --random: the number format, affine, mxfp4, mxfp8 or nvfp4. The config's own, else affine.",
    completion: .list(Self.modes))
  var mode: String?

  @Option(name: .long, help: "Tokens of a prompt; 0 leaves prompts out.")
  var prompt = 512

  @Option(name: .long, help: "Tokens to decode; 0 leaves decoding out.")
  var decode = 64

  @Option(name: .long, help: "Texts at once, several numbers with commas.", transform: Self.numbers)
  var batch = [1]

  @Option(name: .long, help: "Tokens that stand before, several numbers with commas.", transform: Self.numbers)
  var depth = [0]

  @Option(name: .long, help: "Times each is measured.")
  var repetitions = 5

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  @Option(
    name: .long, help: ArgumentHelp("Texts for an encoder, one a line.", valueName: "file"), completion: .file())
  var texts: String?

  @Flag(name: .long, help: "Compute in float32, as `run --precise` does.")
  var precise = false

  @Flag(name: .long, help: "Neither use nor keep packed weights in the store.")
  var noPackCache = false

  @OptionGroup var cache: CacheOption

  @Flag(name: .long, help: "Only measure the machine.")
  var info = false

  @Option(
    name: .long,
    help: ArgumentHelp("An earlier result, printed with --json, to compare with.", valueName: "file"),
    completion: .file())
  var compare: String?

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  private static let modes = ["affine"] + RandomModel.SmallFloat.allCases.map(\.rawValue)

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
    _ = try cache.bits(precise: precise)
    guard random == nil || model == nil else { throw ValidationError("--random takes the place of a model") }
    guard random != nil || (bits == nil && groupSize == nil && mode == nil) else {
      throw ValidationError("--bits, --group-size and --mode go with --random")
    }
    if let mode {
      guard Self.modes.contains(mode) else {
        throw ValidationError("--mode takes \(Self.modes.joined(separator: ", "))")
      }
      guard mode == "affine" || (bits == nil && groupSize == nil) else {
        throw ValidationError("--mode \(mode) has bits and groups of its own")
      }
    }
    if let bits, bits != 16, !Affine.allBits.contains(bits) {
      throw ValidationError("--bits takes 2, 3, 4, 5, 6, 8 or 16")
    }
    if let groupSize, !Affine.allGroupSizes.contains(groupSize) {
      throw ValidationError("--group-size takes 32, 64 or 128")
    }
  }

  func run() async throws {
    if info {
      let ceiling = try await blocking { [count = threadCount] _ in try MachineCeiling.measure(threads: count) }
      MachineReport(ceiling: ceiling, threads: threadCount).show(json: output.json)
      return
    }
    let earlier = try compare.map { try EarlierResults($0) }
    let subject = try subject()
    if case .model(let located) = subject, try Self.isEncoder(located.folder) {
      return try await runEncoder(located, threads: threadCount)
    }
    let report = try await blocking { [self] isCancelled in try measure(subject, isCancelled) }
    report.show(json: output.json, earlier: earlier)
  }

  private var threadCount: Int { threads ?? Processor.usableCores }

  /// What is measured: a model's folder, or a shape.
  private enum Subject: Sendable {
    case model(LocatedModel)
    case random(String, RandomModel.Format?)
  }

  private func subject() throws -> Subject {
    guard let random else { return .model(try storeOptions.usable(orDefault: model)) }
    if let float = mode.flatMap(RandomModel.SmallFloat.init) { return .random(random, .smallFloats(float)) }
    switch (bits, groupSize) {
    case (nil, nil) where mode == nil: return .random(random, nil)
    case (16, _): return .random(random, .plain)
    case (let bits, let group): return .random(random, .affine(try Affine(bits: bits ?? 4, groupSize: group ?? 64)))
    }
  }

  /// Opens the model and measures everything that is asked for, deeper and deeper.
  private func measure(_ subject: Subject, _ isCancelled: () -> Bool) throws -> BenchReport {
    var options = LoadedModel.Options(
      precise: precise, threads: threadCount,
      contextLength: (depth.max() ?? 0) + max(prompt, decode, ModelBenchmark.firstTokenPrompt) + 1,
      kvBits: try cache.bits(precise: precise), sequences: (batch.max() ?? 1) + 1)
    var (facts, loaded, begin): (BenchReport.Model, LoadedModel, ContinuousClock.Instant)
    switch subject {
    case .model(let located):
      options.packCache = noPackCache ? nil : located.packCache
      begin = .now
      loaded = try LoadedModel.load(folder: located.folder, options: options)
      let described = try Describing.facts(folder: located.folder)
      facts = BenchReport.Model(
        name: located.name, parameters: described.parameterCount, quantization: described.description.quantization)
    case .random(let shape, let format):
      let random = try RandomModel(shape, format: format, packs: !precise)
      begin = .now
      loaded = try LoadedModel.load(random.snapshot, options: options)
      facts = BenchReport.Model(
        name: "random \(shape)", parameters: random.parameterCount, quantization: random.quantization)
    }
    var bench = try ModelBenchmark(loaded)
    let loadTime = ContinuousClock.now - begin
    facts.weightBytes = bench.weightBytes
    let firstToken = try bench.firstToken()
    var results: [ModelBenchmark.Result] = []
    for setting in settings {
      results.append(try bench.measure(setting, repetitions: repetitions, isCancelled: isCancelled))
      if isCancelled() { throw CancellationError() }
    }
    let peak = Memory.peakResident
    return BenchReport(
      machine: MachineReport(ceiling: try MachineCeiling.measure(threads: threadCount), threads: threadCount),
      model: facts, loadTime: loadTime, firstToken: firstToken, peakBytes: peak, results: results)
  }

  private var settings: [ModelBenchmark.Setting] {
    depth.flatMap { depth in
      [(ModelBenchmark.Setting.Test.prefill, prompt), (.decode, decode)].flatMap { test, tokens in
        batch.filter { _ in tokens > 0 }.map {
          ModelBenchmark.Setting(test, tokens: tokens, depth: depth, batch: $0)
        }
      }
    }
  }
}
