// SPDX-License-Identifier: Apache-2.0
// Unicode's normal forms: the canonical ones by the standard library, the compatible ones with a table.

@_spi(_Unicode) import Swift

/// The four normal forms.
enum Normalization: String, Sendable {
  case nfc = "NFC"
  case nfd = "NFD"
  case nfkc = "NFKC"
  case nfkd = "NFKD"

  /// The text in this form.
  func apply(_ text: String) -> String {
    // ASCII is in every form already.
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
    return switch self {
    case .nfc: String(String.UnicodeScalarView(text._nfc))
    case .nfd: String(String.UnicodeScalarView(text._nfd))
    case .nfkc: Normalization.nfc.apply(Self.compatible(text))
    case .nfkd: Normalization.nfd.apply(Self.compatible(text))
    }
  }

  private static func compatible(_ text: String) -> String {
    var output = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if let mapped = table[scalar.value] {
        output.append(contentsOf: mapped)
      } else {
        output.append(scalar)
      }
    }
    return String(output)
  }

  private static let table: [UInt32: [Unicode.Scalar]] = {
    var result: [UInt32: [Unicode.Scalar]] = [:]
    for entry in CompatibilityTable.text.split(separator: ";") {
      let sides = entry.split(separator: "=")
      guard sides.count == 2, let code = UInt32(sides[0], radix: 16) else { continue }
      result[code] = sides[1].split(separator: " ").compactMap { UInt32($0, radix: 16).flatMap(Unicode.Scalar.init) }
    }
    return result
  }()
}
