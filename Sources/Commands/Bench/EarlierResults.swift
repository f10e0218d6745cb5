// SPDX-License-Identifier: Apache-2.0
// A result of `impetus bench --json` read back, to compare a new one with.

import Basics
import Inference

/// Speeds of an earlier run.
struct EarlierResults: Sendable {
  /// `model.ref` and `machine.cpu` of the file.
  let model: String
  let machine: String
  private var speeds: [(setting: ModelBenchmark.Setting, tokensPerSecond: Double)] = []

  /// Largest file that is read.
  private static let sizeLimit = 16 << 20

  /// - Throws: `CommandProblem.notResults`, or what reading the file throws.
  init(_ path: String) throws {
    let document = try JSONReader.parse(try Files.read(path, limit: Self.sizeLimit))
    func text(_ object: String, _ key: String) throws -> String {
      guard let value = document[object]?[key]?.stringValue else {
        throw CommandProblem.notResults(path: path, why: "it has no \(object).\(key)")
      }
      return value
    }
    model = try text("model", "ref")
    machine = try text("machine", "cpu")
    guard let results = document["results"]?.arrayValue else {
      throw CommandProblem.notResults(path: path, why: "it has no results")
    }
    for (index, row) in results.enumerated() {
      guard let test = row["test"]?.stringValue.flatMap({ ModelBenchmark.Setting.Test(rawValue: $0) }),
        let tokens = row["tokens"]?.intValue, let depth = row["depth"]?.intValue, let batch = row["batch"]?.intValue,
        let speed = row["tokens_per_second"]?.doubleValue, speed > 0
      else { throw CommandProblem.notResults(path: path, why: "its result \(index + 1) is not as bench prints them") }
      speeds.append((ModelBenchmark.Setting(test, tokens: tokens, depth: depth, batch: batch), speed))
    }
  }

  /// Tokens a second of a setting; nil when it was not measured.
  subscript(setting: ModelBenchmark.Setting) -> Double? {
    speeds.first { $0.setting == setting }?.tokensPerSecond
  }
}
