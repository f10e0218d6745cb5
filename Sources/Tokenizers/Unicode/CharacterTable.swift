// SPDX-License-Identifier: Apache-2.0
// What the reference library takes each code point for: general category and the sets its steps use.
//
// The standard library knows a newer Unicode than most parts of the reference (whose regular expressions are at 16,
// whose Bert steps are at 8), and looks each property up in tens of nanoseconds. This table takes three loads.

/// General categories, in the order of scripts/make-unicode-tables.py.
enum Category: UInt32 {
  case unassigned, uppercase, lowercase, titlecase, modifierLetter, otherLetter
  case nonspacingMark, spacingMark, enclosingMark
  case decimalNumber, letterNumber, otherNumber
  case connector, dash, open, close, initialQuote, finalQuote, otherPunctuation
  case math, currency, modifierSymbol, otherSymbol
  case space, lineSeparator, paragraphSeparator
  case control, format, privateUse, surrogate
}

/// What a code point is: its category in the low five bits and the sets below.
struct CharacterTraits: OptionSet, Sendable {
  let rawValue: UInt32

  static let whitespace = CharacterTraits(rawValue: 1 << 5)
  /// `\w` of Rust's regular expressions.
  static let word = CharacterTraits(rawValue: 1 << 6)
  static let numeric = CharacterTraits(rawValue: 1 << 7)
  /// Removed by Bert's cleaning.
  static let unwanted = CharacterTraits(rawValue: 1 << 8)
  /// Removed by Bert's stripping of accents.
  static let accent = CharacterTraits(rawValue: 1 << 9)
  static let punctuation = CharacterTraits(rawValue: 1 << 10)
  static let combiningMark = CharacterTraits(rawValue: 1 << 11)
  /// Assigned by Unicode 15 or later.
  static let recent = CharacterTraits(rawValue: 1 << 12)
  /// Does not always stay as it is in NFC.
  static let composes = CharacterTraits(rawValue: 1 << 13)
  static let decomposes = CharacterTraits(rawValue: 1 << 14)
  static let decomposesCompatibly = CharacterTraits(rawValue: 1 << 15)

  var category: Category { Category(rawValue: rawValue & 31) ?? .unassigned }
}

/// Classes of all code points: pages of 256, most of them shared.
struct CharacterTable: Sendable {
  static let shared = CharacterTable(CharacterData.runs)
  static let scripts = CharacterTable(ScriptData.runs)

  private var pages: [UInt16] = []
  private var classes: [UInt8] = []

  /// Reads runs written as `LENGTH CLASS;` in hex.
  private init(_ runs: StaticString) {
    var uniform: [UInt8: UInt16] = [:]
    var current: [UInt8] = []
    current.reserveCapacity(256)
    func finish(_ table: inout CharacterTable, _ page: [UInt8]) -> UInt16 {
      table.classes += page
      return UInt16(table.classes.count / 256 - 1)
    }
    forEachEntry(runs) { entry in
      var (left, value) = (Int(entry[0]), UInt8(truncatingIfNeeded: entry[1]))
      while left > 0 {
        if current.isEmpty && left >= 256 {
          let page = uniform[value] ?? finish(&self, Array(repeating: value, count: 256))
          uniform[value] = page
          pages.append(page)
          left -= 256
          continue
        }
        let taken = min(left, 256 - current.count)
        current += repeatElement(value, count: taken)
        left -= taken
        if current.count == 256 {
          pages.append(finish(&self, current))
          current.removeAll(keepingCapacity: true)
        }
      }
    }
  }

  /// The class of a code point.
  @inline(__always)
  func characterClass(_ point: UInt32) -> UInt8 {
    let page = Int(point >> 8)
    guard page < pages.count else { return 0 }
    return classes[Int(pages[page]) << 8 | Int(point & 0xFF)]
  }

  /// What a code point is.
  @inline(__always)
  static func traits(_ point: UInt32) -> CharacterTraits {
    CharacterTraits(rawValue: CharacterData.values[Int(shared.characterClass(point))])
  }
}

/// Calls back with the hexadecimal numbers of each entry of a generated table (`A B C;`).
func forEachEntry(_ text: StaticString, _ body: ([UInt32]) -> Void) {
  var numbers: [UInt32] = []
  var number: UInt32 = 0
  for index in 0..<text.utf8CodeUnitCount {
    let byte = unsafe text.utf8Start[index]
    switch byte {
    case UInt8(ascii: ";"), UInt8(ascii: " "):
      numbers.append(number)
      number = 0
      if byte == UInt8(ascii: ";") {
        body(numbers)
        numbers.removeAll(keepingCapacity: true)
      }
    case UInt8(ascii: "A")...UInt8(ascii: "F"): number = number << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
    default: number = number << 4 | UInt32(byte & 15)
    }
  }
}
