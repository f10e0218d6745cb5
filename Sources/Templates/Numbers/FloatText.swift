// SPDX-License-Identifier: Apache-2.0
// Floats as Python shows them.

/// Texts of floats.
enum FloatText {
  /// `repr`: the shortest digits that read back as the same number, with an exponent when it is
  /// below -4 or above 15.
  static func shortest(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let (digits, point) = digits(value.magnitude)
    let sign = value.sign == .minus ? "-" : ""
    let exponent = point - 1
    if digits == "0" { return sign + "0.0" }
    if exponent < -4 || exponent >= 16 {
      let fraction = digits.dropFirst()
      return sign + digits.prefix(1) + (fraction.isEmpty ? "" : "." + fraction) + "e" + self.exponent(exponent)
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if digits.utf8.count <= point {
      return sign + digits + String(repeating: "0", count: point - digits.utf8.count) + ".0"
    }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// A signed exponent of at least two digits.
  static func exponent(_ value: Int) -> String {
    let digits = String(value.magnitude)
    return (value < 0 ? "-" : "+") + (digits.utf8.count < 2 ? "0" : "") + digits
  }

  /// Shortest significant digits and where the decimal point stands among them. Swift prints the
  /// same digits as Python; only the layout differs.
  private static func digits(_ value: Double) -> (digits: String, point: Int) {
    let parts = value.description.split(separator: "e")
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let fraction = mantissa.count > 1 ? mantissa[1] : ""
    let all = mantissa[0] + fraction
    let leading = all.prefix { $0 == "0" }.count
    var digits = all.dropFirst(leading)
    while digits.last == "0" { digits.removeLast() }
    if digits.isEmpty { return ("0", 1) }
    return (String(digits), mantissa[0].utf8.count - leading + exponent)
  }
}
