// SPDX-License-Identifier: Apache-2.0
// Numbers for people: bytes, rates, durations. `--json` has the exact integers.

/// Formats quantities without Foundation's formatters (they bring 34 MB of tables).
enum Quantity {
  /// `1536` → `1.5 KiB`.
  static func bytes(_ count: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024 && unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(count) B" : "\(decimal(value, places: value < 10 ? 2 : 1)) \(units[unit])"
  }

  /// A number with a fixed count of decimal places.
  static func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (value * scale).rounded()
    let whole = Int(abs(scaled)) / Int(scale)
    let sign = scaled < 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(whole)" }
    let rest = String(Int(abs(scaled)) % Int(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: places - rest.count) + rest
  }

  /// `134515008` → `134.5M`.
  static func count(_ value: Int) -> String {
    switch value {
    case 1_000_000_000...: "\(decimal(Double(value) / 1e9, places: 2))B"
    case 1_000_000...: "\(decimal(Double(value) / 1e6, places: 1))M"
    case 10_000...: "\(decimal(Double(value) / 1e3, places: 1))K"
    default: "\(value)"
    }
  }

  /// A duration such as `840 ms`, `12.3 s` or `3m 05s`.
  static func duration(_ duration: Duration) -> String {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    if seconds < 1 { return "\(decimal(seconds * 1000, places: seconds < 0.1 ? 1 : 0)) ms" }
    if seconds < 60 { return "\(decimal(seconds, places: 1)) s" }
    let whole = Int(seconds)
    return "\(whole / 60)m \(whole % 60 < 10 ? "0" : "")\(whole % 60)s"
  }
}
