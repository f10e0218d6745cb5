// SPDX-License-Identifier: Apache-2.0
// An estimate as text and as JSON: what `plan`, `show` and `pull` say of a model before it is here.

import Basics
import Hub
import Library
import Store

/// Words for an estimate.
enum EstimateText {
  /// A few lines: what it is, what it needs, whether it will run.
  static func lines(_ estimate: Estimate) -> [String] {
    var lines: [String] = []
    if let facts = estimate.facts, facts.parameterCount > 0, let published = estimate.forms.first {
      let parts: [String?] = [
        facts.description.architecture, "\(Quantity.count(facts.parameterCount)) parameters",
        [facts.description.precision, facts.description.quantization].compactMap(\.self).joined(separator: ", "),
      ]
      lines.append(parts.compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ", "))
      lines.append(
        "memory: \(Quantity.bytes(published.weightByteCount)) for weights and \(Quantity.bytes(estimate.cacheByteCount)) for \(estimate.contextLength) tokens; \(Quantity.bytes(estimate.machine.available)) are available"
      )
    }
    return lines + [verdict(estimate)].compactMap(\.self)
  }

  /// The outcome in a line; nil when nothing can be said.
  static func verdict(_ estimate: Estimate) -> String? {
    switch estimate.verdict {
    case .fits: "it fits"
    case .fitsQuantized(let bits):
      "it does not fit as it is, but with \(bits) bits: impetus quantize MODEL --bits \(bits), once it is here"
    case .crowded(let needed):
      "it needs \(Quantity.bytes(needed)) at least, which other programs hold now"
    case .tooLarge(let needed):
      "its smallest form needs \(Quantity.bytes(needed)), and this machine has \(Quantity.bytes(estimate.machine.installed))"
    case .unsupportedArchitecture(let name): "the architecture \"\(name.prefix(64))\" is not supported"
    case .unsupported(let description): "it does not run here as it is: \(description)"
    case .unknown: estimate.trouble.map { "whether it runs here cannot be told: \($0)" }
    }
  }

  /// The stable name of a verdict.
  private static func code(_ verdict: Estimate.Verdict) -> String {
    switch verdict {
    case .fits: "fits"
    case .fitsQuantized: "fits-quantized"
    case .crowded: "crowded"
    case .tooLarge: "too-large"
    case .unsupportedArchitecture, .unsupported: "unsupported"
    case .unknown: "unknown"
    }
  }

  /// A plan with its estimate for `--json`.
  static func json(_ plan: PullPlan, _ estimate: Estimate) -> JSONObject {
    var object = PlanJSON.summary(plan)
    for (key, value) in json(estimate) { object[key] = value }
    return object
  }

  /// What the model is and needs, for `--json`.
  static func json(_ estimate: Estimate) -> JSONObject {
    let facts = estimate.facts
    var object = JSONObject()
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    object["architecture"] = text(facts?.description.architecture)
    object["supported"] = facts.map { .bool($0.unsupported == nil) } ?? .null
    object["unsupported"] = text(estimate.trouble)
    object["parameter_count"] = facts.map { JSONValue($0.parameterCount) } ?? .null
    object["context_length"] = facts?.contextLength.map { JSONValue($0) } ?? .null
    object["precision"] = text(facts?.description.precision)
    object["quantization"] = text(facts?.description.quantization)
    object["memory"] = [
      "installed_bytes": JSONValue(estimate.machine.installed),
      "available_bytes": JSONValue(estimate.machine.available),
      "context": JSONValue(estimate.contextLength), "cache_bytes": JSONValue(estimate.cacheByteCount),
    ]
    object["forms"] = .array(
      estimate.forms.map { form in
        [
          "bits": form.bits.map { JSONValue($0) } ?? .null, "weight_bytes": JSONValue(form.weightByteCount),
          "needed_bytes": JSONValue(estimate.byteCount(form)),
          "fits": .bool(estimate.byteCount(form) <= estimate.machine.available),
        ]
      })
    object["verdict"] = .string(code(estimate.verdict))
    return object
  }

  /// A plan with its estimate for a person.
  static func text(_ plan: PullPlan, _ estimate: Estimate, style: Style) -> String {
    let facts = estimate.facts
    var rows: [(String, String?)] = [
      ("name", plan.resolved.repository.description), ("commit", plan.resolved.commit.description),
      ("licence", plan.license), ("access", plan.isGated ? "gated: its authors decide who gets it" : nil),
      ("architecture", facts?.description.architecture),
      ("parameters", facts.flatMap { $0.parameterCount > 0 ? Quantity.count($0.parameterCount) : nil }),
    ]
    let weights = [facts?.description.precision, facts?.description.quantization].compactMap(\.self)
    rows += [
      ("weights", weights.isEmpty ? nil : weights.joined(separator: ", ")),
      ("context", facts?.contextLength.map { "\($0) tokens" }),
      ("files", "\(plan.selection.taken.count), \(Quantity.bytes(plan.byteCount))"),
      ("to fetch", plan.isComplete ? "nothing" : Quantity.bytes(plan.fetchByteCount)),
      ("disk", "\(Quantity.bytes(plan.freeByteCount)) free"),
      ("verdict", verdict(estimate)),
    ]
    let shown = rows.compactMap { name, value in value.map { (name, $0) } }
    let width = shown.map(\.0.count).max() ?? 0
    var lines = shown.map { name, value in
      "\(style.bold(name))\(String(repeating: " ", count: width - name.count))  \(value.harmless)"
    }
    guard !estimate.forms.isEmpty else { return lines.joined(separator: "\n") }
    var table = Table([
      .init(heading: "form"), .init(heading: "weights", isNumeric: true),
      .init(heading: "\(estimate.contextLength) tokens", isNumeric: true), .init(heading: "memory", isNumeric: true),
      .init(heading: "fits"),
    ])
    for form in estimate.forms {
      table.add([
        form.bits.map { "\($0) bits" } ?? "as published", Quantity.bytes(form.weightByteCount),
        Quantity.bytes(estimate.cacheByteCount), Quantity.bytes(estimate.byteCount(form)),
        estimate.byteCount(form) <= estimate.machine.available ? "yes" : "no",
      ])
    }
    lines += ["", table.text(style: style)]
    return lines.joined(separator: "\n")
  }
}
