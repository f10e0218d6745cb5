// SPDX-License-Identifier: Apache-2.0
// Sets of characters as Oniguruma defines them, written as the inside of a PCRE2 class. Where Oniguruma's Unicode
// is newer than PCRE2's, the newer code points are added by number. Each set ends with an escape or a range, after
// which a hyphen stands for itself.

/// The inside of classes.
enum RegexSets {
  static let space =
    #"\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\p{Zl}"#
  private static let digit = recent(["Nd"]) + #"\p{Nd}"#
  private static let hexDigit = "0-9a-fA-F"

  /// Alphabetic characters, marks, decimal digits and connectors.
  static let word =
    recent(["L", "M", "Nd", "Nl", "Pc"])
    + #"\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189}\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}"#

  /// Superscripts and fractions of Latin-1: part of `\w` by itself, not of `[\w]`.
  static let wordExceptions = #"\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}"#

  static let boundary = "(?:(?<=[\(word)])(?![\(word)])|(?<![\(word)])(?=[\(word)]))"

  /// The set of a shorthand escape other than `\w`.
  static func shorthand(_ letter: Unicode.Scalar) -> String? {
    switch letter {
    case "s": space
    case "d": digit
    case "h": hexDigit
    default: nil
    }
  }

  /// The set of a POSIX bracket.
  static func bracket(_ name: String) -> String? {
    switch name {
    case "alpha": recent(["L", "Nl"]) + #"\p{Alphabetic}"#
    case "alnum": recent(["L", "Nl", "Nd"]) + #"\p{Alphabetic}\p{Nd}"#
    case "upper": recent(["Lu"]) + #"\p{Uppercase}"#
    case "lower": recent(["Ll"]) + #"\p{Lowercase}"#
    case "digit": digit
    case "xdigit": hexDigit
    case "space": space
    case "word": word
    case "punct": recent(["P", "S"]) + #"\p{P}\p{S}"#
    case "blank": #"\x{09}\p{Zs}"#
    case "cntrl": #"\p{Cc}"#
    case "ascii": #"\x{00}-\x{7F}"#
    case "graph", "print": "[:\(name):]"
    default: nil
    }
  }

  private static let longNames: [String: String] = [
    "letter": "L", "uppercaseletter": "Lu", "lowercaseletter": "Ll", "titlecaseletter": "Lt", "modifierletter": "Lm",
    "otherletter": "Lo", "mark": "M", "nonspacingmark": "Mn", "spacingmark": "Mc", "enclosingmark": "Me", "number": "N",
    "decimalnumber": "Nd", "letternumber": "Nl", "othernumber": "No", "punctuation": "P", "connectorpunctuation": "Pc",
    "dashpunctuation": "Pd", "openpunctuation": "Ps", "closepunctuation": "Pe", "initialpunctuation": "Pi",
    "finalpunctuation": "Pf", "otherpunctuation": "Po", "symbol": "S", "mathsymbol": "Sm", "currencysymbol": "Sc",
    "modifiersymbol": "Sk", "othersymbol": "So", "separator": "Z", "spaceseparator": "Zs", "lineseparator": "Zl",
    "paragraphseparator": "Zp", "other": "C", "control": "Cc", "format": "Cf", "privateuse": "Co", "unassigned": "Cn",
    "any": "Any", "assigned": "Assigned",
  ]

  /// The set of a property by its name; nil for names neither side can be sure of.
  static func property(_ name: String) -> String? {
    let plain = String(name.unicodeScalars.filter { !" _-".unicodeScalars.contains($0) }.map(Character.init))
      .lowercased()
    guard !plain.isEmpty, plain.unicodeScalars.allSatisfy({ $0.isASCII && $0.properties.isAlphabetic }) else {
      return nil
    }
    if plain == "any" { return #"\x{0}-\x{10FFFF}"# }
    if let short = longNames[plain] { return recent([short]) + "\\p{\(short)}" }
    if plain.count <= 2 {
      let short = plain.prefix(1).uppercased() + plain.dropFirst()
      return recent([short]) + "\\p{\(short)}"
    }
    return bracket(plain) ?? "\\p{\(name)}"
  }

  /// Code points assigned after Unicode 14 whose category is one of these (`L`, `Lu`, …).
  private static func recent(_ names: [String]) -> String {
    newer.filter { range in names.contains { range.category.hasPrefix($0) } }.map {
      $0.first == $0.last ? "\\x{\(hex($0.first))}" : "\\x{\(hex($0.first))}-\\x{\(hex($0.last))}"
    }.joined()
  }

  private static func hex(_ value: UInt32) -> String { String(value, radix: 16, uppercase: true) }

  private static let codes =
    "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cs"
    .split(separator: " ").map(String.init)

  private static let newer: [(first: UInt32, last: UInt32, category: String)] = {
    var ranges: [(first: UInt32, last: UInt32, category: String)] = []
    for point in UInt32(0x80)..<0x33480 {
      let traits = CharacterTable.traits(point)
      guard traits.contains(.recent) else { continue }
      let code = codes[Int(traits.category.rawValue)]
      if let last = ranges.last, last.last + 1 == point, last.category == code {
        ranges[ranges.count - 1].last = point
      } else {
        ranges.append((point, point, code))
      }
    }
    return ranges
  }()
}
