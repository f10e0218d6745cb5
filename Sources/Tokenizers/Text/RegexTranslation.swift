// SPDX-License-Identifier: Apache-2.0
// Oniguruma's Ruby syntax, in which tokenizer files are written, said in PCRE2's.
//
// They differ in the shorthand classes (each has its own Unicode version and exceptions), in set operations
// inside classes, in the letter m, in some escapes and in intervals. Not translated: folding one character to
// several when case is ignored, blocks (`\p{InGreek}`), and absence operators; the last two are refused.

/// One expression on its way.
struct RegexTranslation {
  private let input: [Unicode.Scalar]
  private var position = 0
  private var output = "(*LF)"
  private var depth = 0

  private init(_ pattern: String) { input = Array(pattern.unicodeScalars) }

  /// The expression in PCRE2's syntax; nil when it cannot be said.
  static func translate(_ pattern: String) -> String? {
    guard pattern.utf8.count <= 1 << 16 else { return nil }
    var translation = RegexTranslation(pattern)
    while let scalar = translation.take() {
      guard let part = translation.element(scalar) else { return nil }
      translation.output += part
    }
    return translation.output
  }

  private func peek(_ distance: Int = 0) -> Unicode.Scalar? {
    position + distance < input.count ? input[position + distance] : nil
  }

  private mutating func take() -> Unicode.Scalar? {
    guard position < input.count else { return nil }
    position += 1
    return input[position - 1]
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek() == scalar else { return false }
    position += 1
    return true
  }

  /// What stands outside of classes.
  private mutating func element(_ scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "\\": return escape()
    case "[": return characterClass()?.text
    case "(" where peek() == "?": return options()
    case "{": return interval()
    default: return String(scalar)
    }
  }

  // MARK: Escapes outside of classes

  private mutating func escape() -> String? {
    guard let letter = take() else { return nil }
    switch letter {
    case "w": return "[\(RegexSets.word)\(RegexSets.wordExceptions)]"
    case "W": return "[^\(RegexSets.word)\(RegexSets.wordExceptions)]"
    case "b": return RegexSets.boundary
    case "B": return "(?!\(RegexSets.boundary))"
    case "O": return "(?s:.)"
    case "p", "P":
      guard let property = property(isNegated: letter == "P") else { return nil }
      return property.isNegated ? "[^\(property.set)]" : "[\(property.set)]"
    case "S", "D", "H":
      guard let set = RegexSets.shorthand(lowercased(letter)) else { return nil }
      return "[^\(set)]"
    default:
      if let set = RegexSets.shorthand(letter) { return "[\(set)]" }
      return character(letter)
    }
  }

  private func lowercased(_ letter: Unicode.Scalar) -> Unicode.Scalar {
    Unicode.Scalar(letter.value | 0x20) ?? letter
  }

  /// A single character's escape, the same in and out of classes.
  private mutating func character(_ letter: Unicode.Scalar) -> String {
    switch letter {
    case "v": return "\\x{0B}"
    case "u":
      let digits = input[position...].prefix(4)
      guard digits.count == 4, digits.allSatisfy(\.properties.isASCIIHexDigit) else { return "u" }
      position += 4
      return "\\x{\(String(String.UnicodeScalarView(digits)))}"
    default:
      // The letters below mean the same to both; others are plain letters to Oniguruma.
      let isKnown = !letter.properties.isAlphabetic || "aefnrtxcAZzGKRXkgN".unicodeScalars.contains(letter)
      return letter.isASCII && isKnown ? "\\\(letter)" : String(letter)
    }
  }

  /// The name after `\p`, as a set.
  private mutating func property(isNegated: Bool) -> (set: String, isNegated: Bool)? {
    guard take("{") else { return nil }
    let isInverse = take("^")
    var name = ""
    while let scalar = take(), scalar != "}" { name.unicodeScalars.append(scalar) }
    guard let set = RegexSets.property(name) else { return nil }
    return (set, isNegated != isInverse)
  }

  // MARK: Groups and intervals

  /// `(?imx-imx…`: Ruby's m is everybody else's s.
  private mutating func options() -> String {
    var text = "("
    guard let next = peek(1), "imx-".unicodeScalars.contains(next) else { return text }
    while let scalar = peek(), "?imx-".unicodeScalars.contains(scalar) {
      text.unicodeScalars.append(scalar == "m" ? "s" : scalar)
      position += 1
    }
    return text
  }

  /// `{n,m}`; `{,m}` begins at 0, and a plus after an interval repeats it instead of making it possessive.
  private mutating func interval() -> String {
    let start = position
    var text = ""
    while let scalar = peek(), scalar.properties.numericType == .decimal && scalar.isASCII || scalar == "," {
      text.unicodeScalars.append(scalar)
      position += 1
    }
    guard !text.isEmpty, text != ",", take("}") else {
      position = start
      return "\\{"
    }
    let repeated = take("+") ? "{1,}" : ""
    return "{\(text.hasPrefix(",") ? "0" : "")\(text)}\(repeated)"
  }

  // MARK: Classes

  /// A class after its opening bracket: a plain one, or alternatives and lookaheads for set operations.
  private mutating func characterClass() -> (text: String, isPlain: Bool, content: String)? {
    depth += 1
    defer { depth -= 1 }
    guard depth < 32 else { return nil }
    let isNegated = take("^")
    var operands: [String] = []
    var content = ""
    var alternatives: [String] = []
    var isFirst = true
    while let scalar = take() {
      if scalar == "]" && !isFirst {
        operands.append(Self.union(content, alternatives))
        if operands.count == 1 && alternatives.isEmpty {
          return ("[\(isNegated ? "^" : "")\(content)]", !isNegated, content)
        }
        let whole = operands.dropLast().map { "(?=\($0))" }.joined() + (operands.last ?? "")
        return (isNegated ? "(?:(?!\(whole))(?s:.))" : "(?:\(whole))", false, "")
      }
      isFirst = false
      if scalar == "&" && peek() == "&" {
        position += 1
        operands.append(Self.union(content, alternatives))
        (content, alternatives) = ("", [])
      } else if scalar == "[" && peek() == ":" {
        guard let set = bracketed() else { return nil }
        if set.isNegated { alternatives.append("[^\(set.set)]") } else { content += set.set }
      } else if scalar == "[" {
        guard let nested = characterClass() else { return nil }
        if nested.isPlain { content += nested.content } else { alternatives.append(nested.text) }
      } else if scalar == "\\" {
        guard let item = classEscape() else { return nil }
        if item.isAlternative { alternatives.append(item.text) } else { content += item.text }
      } else {
        content += scalar == "]" ? "\\]" : String(scalar)
      }
    }
    return nil
  }

  private static func union(_ content: String, _ alternatives: [String]) -> String {
    let parts = (content.isEmpty ? [] : ["[\(content)]"]) + alternatives
    if parts.isEmpty { return "(?!)" }
    return parts.count == 1 ? parts[0] : "(?:\(parts.joined(separator: "|")))"
  }

  private mutating func classEscape() -> (text: String, isAlternative: Bool)? {
    guard let letter = take() else { return nil }
    switch letter {
    case "w": return (RegexSets.word, false)
    case "W": return ("[^\(RegexSets.word)]", true)
    case "S", "D", "H": return RegexSets.shorthand(lowercased(letter)).map { ("[^\($0)]", true) }
    case "p", "P":
      guard let property = property(isNegated: letter == "P") else { return nil }
      return property.isNegated ? ("[^\(property.set)]", true) : (property.set, false)
    case "b": return ("\\x{08}", false)
    default:
      if let set = RegexSets.shorthand(letter) { return (set, false) }
      return (character(letter), false)
    }
  }

  /// `[:name:]` after its first bracket.
  private mutating func bracketed() -> (set: String, isNegated: Bool)? {
    position += 1
    let isNegated = take("^")
    var name = ""
    while let scalar = take(), scalar != ":" { name.unicodeScalars.append(scalar) }
    guard take("]"), let set = RegexSets.bracket(name) else { return nil }
    return (set, isNegated)
  }
}
