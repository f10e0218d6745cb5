// SPDX-License-Identifier: Apache-2.0
// Text to numbers: Python's `int(text, base)` and `float(text)`.

/// Reads numbers as Python's constructors do.
enum NumberReading {
  /// `int(text, base)`; nil when the text is no integer of the base.
  static func integer(_ text: Text, base: Int) throws(TemplateProblem) -> BigInteger? {
    guard base == 0 || (2...36).contains(base) else { throw .failure("int() base must be >= 2 and <= 36, or 0") }
    guard let characters = ascii(text.trimmed()) else { return nil }
    var digits = characters[...]
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    var radix = base
    let prefixes: [UInt8: Int] = [UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2]
    if digits.first == UInt8(ascii: "0"), let marker = digits.dropFirst().first,
      let found = prefixes[marker | 0x20], base == 0 || base == found
    {
      radix = found
      digits = digits.dropFirst(2)
      if digits.first == UInt8(ascii: "_") { digits = digits.dropFirst() }
    } else if base == 0 {
      radix = 10
      if digits.first == UInt8(ascii: "0"),
        digits.contains(where: { $0 != UInt8(ascii: "0") && $0 != UInt8(ascii: "_") })
      {
        return nil
      }
    }
    guard let plain = withoutUnderscores(digits), plain.allSatisfy({ Text.digitValue($0) < radix }) else { return nil }
    if plain.count > BigInteger.maximumDigits, radix & (radix - 1) != 0 { throw BigInteger.tooManyDigits(plain.count) }
    return try BigInteger(isNegative: isNegative, digits: plain, radix: radix)
  }

  /// `float(text)`; nil when the text is no number.
  static func double(_ text: Text) -> Double? {
    guard let bytes = ascii(text.trimmed()) else { return nil }
    let unsigned = bytes.first == 0x2B || bytes.first == 0x2D ? bytes.dropFirst() : bytes[...]
    if unsigned.count <= "infinity".utf8.count {
      switch String(decoding: unsigned, as: UTF8.self).lowercased() {
      case "inf", "infinity": return bytes.first == 0x2D ? -.infinity : .infinity
      case "nan": return .nan
      default: break
      }
    }
    guard let first = unsigned.first, first != UInt8(ascii: "_"), let plain = withoutUnderscores(unsigned),
      plain.contains(where: { (0x30...0x39).contains($0) }),
      plain.allSatisfy({ (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) })
    else { return nil }
    var spelled = String(decoding: plain, as: UTF8.self)
    // Swift wants a digit on both sides of the point; Python does not.
    if spelled.hasPrefix(".") { spelled = "0" + spelled }
    if let point = spelled.firstIndex(of: ".") {
      let after = spelled.index(after: point)
      if after == spelled.endIndex || "eE".contains(spelled[after]) { spelled.insert("0", at: after) }
    }
    return Double((bytes.first == 0x2D ? "-" : "") + spelled)
  }

  /// Digits of every script as ASCII digits, other ASCII as it is; nil when the text has what no number has.
  private static func ascii(_ text: Text) -> [UInt8]? {
    if text.isASCII { return text.bytes }
    var result: [UInt8] = []
    for scalar in text.string.unicodeScalars {
      if scalar.isASCII {
        result.append(UInt8(scalar.value))
      } else if CodePoint.isDecimal(scalar), let value = scalar.properties.numericValue {
        result.append(0x30 + UInt8(value))
      } else {
        return nil
      }
    }
    return result
  }

  /// The digits without single underscores between them; nil when an underscore stands elsewhere.
  private static func withoutUnderscores(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var previous = UInt8(ascii: "_")
    for byte in bytes {
      if byte == UInt8(ascii: "_") {
        if Text.digitValue(previous) == 255 { return nil }
      } else {
        if previous == UInt8(ascii: "_"), !result.isEmpty, Text.digitValue(byte) == 255 { return nil }
        result.append(byte)
      }
      previous = byte
    }
    return bytes.last == UInt8(ascii: "_") ? nil : result
  }
}
