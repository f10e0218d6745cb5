// SPDX-License-Identifier: Apache-2.0
// What the machine is and allows, as `impetus bench` says it.

import Basics
import Inference

/// The processor, the kernels in use and the measured limits.
struct MachineReport: Sendable {
  let ceiling: MachineCeiling
  let threads: Int

  /// For `--json`.
  var json: JSONValue {
    [
      "cpu": .string(Processor.name), "isa": .string(ceiling.isa), "threads": JSONValue(threads),
      "read_gb_per_s": .tenths(ceiling.readBytesPerSecond / 1e9),
      "int8_gop_per_s": .tenths(ceiling.int8OperationsPerSecond / 1e9),
    ]
  }

  /// Such as `AMD EPYC, kernels avx512vnni, 2 threads`.
  var line: String { "\(Processor.name), kernels \(ceiling.isa), \(threads) \(threads == 1 ? "thread" : "threads")" }

  /// Prints only this, and the kernels to choose from.
  func show(json isJSON: Bool) {
    let sets = InstructionSets.supported
    guard !isJSON else {
      var document = json.objectValue ?? JSONObject()
      document["isas"] = .array(sets.map { .string($0) })
      return Output.standard.json(.object(document))
    }
    Output.standard.line(line)
    Output.standard.line("kernel sets  \(sets.joined(separator: ", "))")
    Output.standard.line("memory read  \(Quantity.decimal(ceiling.readBytesPerSecond / 1e9, places: 1)) GB/s")
    Output.standard.line("int8         \(Quantity.decimal(ceiling.int8OperationsPerSecond / 1e9, places: 0)) GOP/s")
  }
}

extension JSONValue {
  /// A measured number, of which more digits would be noise.
  static func tenths(_ value: Double) -> JSONValue { .number((value * 10).rounded() / 10) }
}
