// SPDX-License-Identifier: Apache-2.0
// Models as JSON: the contract of `--json`, and as a table's cells.

import Basics
import Glibc
import Library
import Store

/// Turns what the store knows into JSON.
enum ModelJSON {
  /// What every listing holds: sizes in bytes, times in RFC 3339.
  static func summary(_ model: StoredModel, _ description: ModelDescription? = nil) -> JSONObject {
    var object: JSONObject = [
      "name": .string(model.reference.description), "model": .string(model.reference.model),
      "variant": .string(model.reference.variant), "digest": .string(model.digest.description),
      "size_bytes": .integer(Int64(model.byteCount)), "created": .string(time(model.created)),
    ]
    object["revision"] = model.revision.map { .string($0) } ?? .null
    if let description {
      for (key, value) in [
        ("architecture", description.architecture), ("parameters", description.parameters),
        ("precision", description.precision), ("quantization", description.quantization),
        ("source", description.origin.source),
      ] {
        object[key] = value.map { .string($0) } ?? .null
      }
      object["licenses"] = .array(description.origin.licenses.map { .string($0) })
    }
    return object
  }

  /// Seconds since 1970 as RFC 3339 in UTC.
  static func time(_ seconds: Int) -> String {
    var (instant, parts) = (time_t(seconds), tm())
    guard gmtime_r(&instant, &parts) != nil else { return "" }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return
      "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }
}
