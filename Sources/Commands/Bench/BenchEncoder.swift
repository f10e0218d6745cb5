// SPDX-License-Identifier: Apache-2.0
// `impetus bench` of an encoder: texts a second.

import Basics
import Inference
import Library
import Models

extension Bench {
  /// A line of the result.
  private struct EncoderLine: Sendable {
    var texts: Int
    var tokens: Int
    var operations: Int
    var result: EncoderBenchmark.Result

    /// Of the median.
    var tokensPerSecond: Double { result.median / Double(texts) * Double(tokens) }
    var operationsPerSecond: Double { result.median / Double(texts) * Double(operations) }
  }

  /// Texts that are embedded together where no file gives them.
  private static let sampleTexts = 64

  /// Whether a folder holds an encoder.
  static func isEncoder(_ folder: String) throws -> Bool {
    EncoderSnapshot.makesEmbeddings(folder, try Snapshot.readConfig(folder))
  }

  /// Measures an encoder on the lines of `--texts`, or on texts of `--prompt` words at most.
  func runEncoder(_ located: LocatedModel, threads: Int) async throws {
    let lines = try texts.map { try Embed.lines(Files.read($0, limit: 1 << 30)) }
    if let lines, lines.isEmpty { throw CommandProblem.textTooShort(file: texts ?? "", tokens: 0) }
    let report = try await blocking { [prompt, repetitions] isCancelled in
      let begin = ContinuousClock.now
      let model = try EncoderModel.load(
        folder: located.folder, options: .init(threads: threads, stepTokens: Embed.stepTokens))
      let loadTime = ContinuousClock.now - begin
      let sets =
        lines.map { [$0] }
        ?? [16, min(max(prompt, 1), 128)].map {
          EncoderBenchmark.samples(Self.sampleTexts, words: $0)
        }
      var results: [EncoderLine] = []
      for texts in sets where !isCancelled() {
        var bench = try EncoderBenchmark(model, texts: texts)
        let result = try bench.run(repetitions: repetitions)
        results.append(
          EncoderLine(texts: texts.count, tokens: bench.tokenCount, operations: bench.operations, result: result))
      }
      if isCancelled() { throw CancellationError() }
      let peak = Memory.peakResident
      return (
        results, loadTime, peak, MachineReport(ceiling: try MachineCeiling.measure(threads: threads), threads: threads)
      )
    }
    let (results, loadTime, peak, machine) = report
    if output.json {
      Output.standard.json([
        "machine": machine.json, "model": ["ref": .string(located.name), "kind": "encoder"],
        "load_ms": .tenths(loadTime / .milliseconds(1)), "peak_rss_bytes": .integer(Int64(peak)),
        "results": .array(results.map(Self.json)),
      ])
      return
    }
    var table = Table([
      .init(heading: "test"), .init(heading: "texts", isNumeric: true), .init(heading: "tokens", isNumeric: true),
      .init(heading: "texts/s", isNumeric: true), .init(heading: "tok/s", isNumeric: true),
      .init(heading: "GFLOP/s", isNumeric: true),
    ])
    for line in results {
      table.add([
        "embed", "\(line.texts)", "\(line.tokens)", Quantity.decimal(line.result.median, places: 1),
        Quantity.decimal(line.tokensPerSecond, places: 0), Quantity.decimal(line.operationsPerSecond / 1e9, places: 0),
      ])
    }
    Output.standard.line(table.text(style: Style(for: .standard)))
    note(machine.line)
    note("loaded in \(Quantity.duration(loadTime)), peak memory \(Quantity.bytes(peak))")
  }

  private static func json(_ line: EncoderLine) -> JSONValue {
    [
      "test": "embed", "texts": JSONValue(line.texts), "tokens": JSONValue(line.tokens),
      "texts_per_second": .tenths(line.result.median), "tokens_per_second": .tenths(line.tokensPerSecond),
      "samples": .array(line.result.samples.map(JSONValue.tenths)),
      "gop_per_s": .tenths(line.operationsPerSecond / 1e9),
    ]
  }
}
