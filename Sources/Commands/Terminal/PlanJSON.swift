// SPDX-License-Identifier: Apache-2.0
// What a pull would do, as JSON: for `plan`, `show` and `pull --dry-run`.

import Basics
import Hub
import Library

/// Objects made of plans.
enum PlanJSON {
  /// The model, and how many bytes come from where.
  static func summary(_ plan: PullPlan) -> JSONObject {
    [
      "name": .string(plan.resolved.repository.description), "revision": .string(plan.resolved.commit.description),
      "license": plan.license.map { .string($0) } ?? .null, "gated": .bool(plan.isGated),
      "file_count": JSONValue(plan.selection.taken.count), "size_bytes": JSONValue(plan.byteCount),
      "fetch_bytes": JSONValue(plan.fetchByteCount), "present_bytes": JSONValue(plan.presentByteCount),
      "other_stores_bytes": JSONValue(plan.byteCount(from: .store)),
      "hf_cache_bytes": JSONValue(plan.byteCount(from: .hubCache)), "free_bytes": JSONValue(plan.freeByteCount),
    ]
  }

  /// A pull that is only thought through: every file and where it would come from, and what would be left out.
  static func dryRun(_ plan: PullPlan, _ estimate: Estimate?) -> JSONObject {
    var object = summary(plan)
    object["dry_run"] = true
    object["partial_bytes"] = JSONValue(plan.resumableByteCount)
    let keepers = Dictionary(plan.cached.map { ($0.file.identity, $0.keeper) }) { first, _ in first }
    object["files"] = .array(
      plan.selection.taken.map { file in
        let source: String =
          switch keepers[file.identity] {
          case .store: "other-store"
          case .hubCache: "hf-cache"
          case nil: plan.present[file.identity] == nil ? "hub" : "store"
          }
        return [
          "path": .string(file.path.description), "size_bytes": JSONValue(file.byteCount), "from": .string(source),
        ]
      })
    object["left_out"] = .array(
      plan.selection.leftOut.map { entry in
        [
          "path": .string(entry.file.path.description), "size_bytes": JSONValue(entry.file.byteCount),
          "why": .string(entry.reason.rawValue),
        ]
      })
    if let estimate { for (key, value) in EstimateText.json(estimate) { object[key] = value } }
    return object
  }
}
