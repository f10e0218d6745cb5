// SPDX-License-Identifier: Apache-2.0
// `strftime` in the C locale, with glibc's flags (`%-d`).

extension TemplateClock {
  private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]

  /// What a conversion gives: a name, or a number with its usual width and filling.
  private enum Field {
    case text(String)
    case number(Int, width: Int, fill: Character = "0")
  }

  /// The moment in a format of `strftime`.
  func formatted(_ format: String) -> String {
    var result = ""
    var rest = Substring(format).unicodeScalars
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      let start = rest
      if let text = conversion(&rest) {
        result += text
      } else {
        // What is no conversion stays as it is written.
        rest = start
        result += "%"
      }
    }
    return result
  }

  private func conversion(_ rest: inout Substring.UnicodeScalarView) -> String? {
    var flags: [Unicode.Scalar] = []
    while let scalar = rest.first, "-_0^#".unicodeScalars.contains(scalar) {
      flags.append(scalar)
      rest.removeFirst()
    }
    var width: Int?
    while let scalar = rest.first, ("0"..."9").contains(scalar) {
      width = min((width ?? 0) * 10 + Int(scalar.value - 0x30), 1024)
      rest.removeFirst()
    }
    while let scalar = rest.first, scalar == "E" || scalar == "O" { rest.removeFirst() }
    guard let letter = rest.popFirst(), let field = field(letter) else { return nil }
    return show(field, flags, width)
  }

  private func show(_ field: Field, _ flags: [Unicode.Scalar], _ width: Int?) -> String {
    var text: String
    var fill: Character = " "
    var least = width ?? 0
    switch field {
    case .text(let name): text = name
    case .number(let value, let usual, let usualFill):
      text = String(value)
      fill = usualFill
      least = width ?? usual
    }
    for flag in flags {
      switch flag {
      case "-": least = 0
      case "_": fill = " "
      case "0": fill = "0"
      case "^": text = text.uppercased()
      default: text = text == text.uppercased() ? text.lowercased() : text.uppercased()
      }
    }
    return String(repeating: fill, count: max(0, least - text.count)) + text
  }

  private func field(_ letter: Unicode.Scalar) -> Field? {
    let hour12 = hour % 12 == 0 ? 12 : hour % 12
    return switch letter {
    case "a": .text(String(Self.days[weekday].prefix(3)))
    case "A": .text(Self.days[weekday])
    case "b", "h": .text(String(Self.months[month - 1].prefix(3)))
    case "B": .text(Self.months[month - 1])
    case "c": .text(formatted("%a %b %e %H:%M:%S %Y"))
    case "C": .number(year / 100, width: 2)
    case "d": .number(day, width: 2)
    case "D", "x": .text(formatted("%m/%d/%y"))
    case "e": .number(day, width: 2, fill: " ")
    case "f": .number(microsecond, width: 6)
    case "F": .text(formatted("%Y-%m-%d"))
    case "g": .number(isoWeek.year % 100, width: 2)
    case "G": .number(isoWeek.year, width: 1)
    case "H": .number(hour, width: 2)
    case "I": .number(hour12, width: 2)
    case "j": .number(dayOfYear, width: 3)
    case "k": .number(hour, width: 2, fill: " ")
    case "l": .number(hour12, width: 2, fill: " ")
    case "m": .number(month, width: 2)
    case "M": .number(minute, width: 2)
    case "n": .text("\n")
    case "p": .text(hour < 12 ? "AM" : "PM")
    case "P": .text(hour < 12 ? "am" : "pm")
    case "r": .text(formatted("%I:%M:%S %p"))
    case "R": .text(formatted("%H:%M"))
    case "s": .number(secondsSince1970, width: 1)
    case "S": .number(second, width: 2)
    case "t": .text("\t")
    case "T", "X": .text(formatted("%H:%M:%S"))
    case "u": .number(weekday == 0 ? 7 : weekday, width: 1)
    case "U": .number(week(startingOn: 0), width: 2)
    case "V": .number(isoWeek.week, width: 2)
    case "w": .number(weekday, width: 1)
    case "W": .number(week(startingOn: 1), width: 2)
    case "y": .number(year % 100, width: 2)
    case "Y": .number(year, width: 1)
    case "z", "Z": .text("")
    case "%": .text("%")
    default: nil
    }
  }
}
