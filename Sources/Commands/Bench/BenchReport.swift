// SPDX-License-Identifier: Apache-2.0
// What `impetus bench` has measured, as a table and as JSON.

import Basics
import Inference

/// All results of a run.
struct BenchReport: Sendable {
  /// The model that ran.
  struct Model: Sendable {
    var name: String
    var parameters: Int
    var quantization: String?
    var weightBytes = 0
  }

  let machine: MachineReport
  let model: Model
  let loadTime: Duration
  /// Milliseconds from a prompt of 20 tokens to its logits.
  let firstToken: Double
  let peakBytes: Int
  let results: [ModelBenchmark.Result]

  /// Prints it.
  func show(json isJSON: Bool, earlier: EarlierResults?) {
    if isJSON { return Output.standard.json(json(earlier)) }
    Output.standard.line(table(earlier).text(style: Style(for: .standard)))
    note(machine.line)
    note(
      "loaded in \(Quantity.duration(loadTime)), first token of a prompt of \(ModelBenchmark.firstTokenPrompt) after "
        + "\(Quantity.decimal(firstToken, places: 1)) ms, peak memory \(Quantity.bytes(peakBytes))")
    if let earlier, earlier.model != model.name { note("compared with another model: \(earlier.model)") }
    if let earlier, earlier.machine != Processor.name { note("compared with another machine: \(earlier.machine)") }
  }

  private func json(_ earlier: EarlierResults?) -> JSONValue {
    let bits = Double(model.weightBytes) * 8 / Double(max(1, model.parameters))
    return [
      "machine": machine.json,
      "model": [
        "ref": .string(model.name), "parameters": JSONValue(model.parameters),
        "weight_bytes": JSONValue(model.weightBytes), "bits": .number((bits * 100).rounded() / 100),
        "quantization": model.quantization.map { .string($0) } ?? .null,
      ],
      "load_ms": .tenths(loadTime.seconds * 1000), "first_token_ms": .tenths(firstToken),
      "peak_rss_bytes": JSONValue(peakBytes), "results": .array(results.map { row($0, earlier) }),
    ]
  }

  private func row(_ result: ModelBenchmark.Result, _ earlier: EarlierResults?) -> JSONValue {
    let setting = result.setting
    var row: JSONObject = [
      "test": .string(setting.test.rawValue), "tokens": JSONValue(setting.tokens), "depth": JSONValue(setting.depth),
      "batch": JSONValue(setting.batch), "tokens_per_second": .tenths(result.tokensPerSecond),
      "samples": .array(result.samples.map { .tenths($0) }), "gb_per_s": .tenths(result.bytesPerSecond / 1e9),
      "gop_per_s": .tenths(result.operationsPerSecond / 1e9),
    ]
    if let before = earlier?[setting] {
      row["before_tokens_per_second"] = .tenths(before)
      row["ratio"] = .number((result.tokensPerSecond / before * 1000).rounded() / 1000)
    }
    return .object(row)
  }

  private func table(_ earlier: EarlierResults?) -> Table {
    var columns: [Table.Column] = [.init(heading: "test")]
    for heading in ["depth", "texts", "tok/s", "GB/s", "GOP/s", "of the limit"] {
      columns.append(.init(heading: heading, isNumeric: true))
    }
    if earlier != nil {
      columns += [.init(heading: "before", isNumeric: true), .init(heading: "ratio", isNumeric: true)]
    }
    var table = Table(columns)
    for result in results {
      let (setting, ceiling) = (result.setting, machine.ceiling)
      let share = max(
        result.bytesPerSecond / ceiling.readBytesPerSecond,
        ceiling.int8OperationsPerSecond > 0 ? result.operationsPerSecond / ceiling.int8OperationsPerSecond : 0)
      var row = [
        "\(setting.test) \(setting.tokens)", "\(setting.depth)", "\(setting.batch)", speed(result.tokensPerSecond),
        Quantity.decimal(result.bytesPerSecond / 1e9, places: 1),
        Quantity.decimal(result.operationsPerSecond / 1e9, places: 0),
        "\(Quantity.decimal(share * 100, places: 0)) %",
      ]
      if let earlier {
        let before = earlier[setting]
        row += [before.map(speed) ?? "-", before.map { ratio(result.tokensPerSecond / $0) } ?? "-"]
      }
      table.add(row)
    }
    table.add(limits + (earlier == nil ? [] : ["", ""]))
    return table
  }

  private var limits: [String] {
    [
      "this machine", "", "", "", Quantity.decimal(machine.ceiling.readBytesPerSecond / 1e9, places: 1),
      Quantity.decimal(machine.ceiling.int8OperationsPerSecond / 1e9, places: 0), "",
    ]
  }

  private func speed(_ tokensPerSecond: Double) -> String {
    Quantity.decimal(tokensPerSecond, places: tokensPerSecond < 100 ? 1 : 0)
  }

  private func ratio(_ value: Double) -> String { Quantity.decimal(value, places: 2) }
}
