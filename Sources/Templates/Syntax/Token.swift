// SPDX-License-Identifier: Apache-2.0
// The words of a template, as jinja2's lexer names them.

/// A piece of template source.
struct Token: Sendable {
  /// What a token is.
  enum Kind: Sendable, Equatable {
    case data
    case variableBegin, variableEnd
    case blockBegin, blockEnd
    case name, string, integer, float
    /// An operator or bracket, by its spelling.
    case symbol(Symbol)
    case end
  }

  /// Operators and brackets.
  enum Symbol: String, Sendable {
    case add = "+"
    case sub = "-"
    case div = "/"
    case floorDiv = "//"
    case mul = "*"
    case mod = "%"
    case pow = "**"
    case tilde = "~"
    case leftBracket = "["
    case rightBracket = "]"
    case leftParenthesis = "("
    case rightParenthesis = ")"
    case leftBrace = "{"
    case rightBrace = "}"
    case equal = "=="
    case notEqual = "!="
    case greater = ">"
    case greaterOrEqual = ">="
    case less = "<"
    case lessOrEqual = "<="
    case assign = "="
    case dot = "."
    case colon = ":"
    case pipe = "|"
    case comma = ","
    case semicolon = ";"
  }

  let kind: Kind
  /// Data with its white space settled, the value of a string, the spelling of names and numbers.
  let text: Text
  let line: Int

  /// The spelling of a name or number.
  var spelling: String { text.string }

  /// Whether this is a given name.
  func isName(_ name: String) -> Bool { kind == .name && spelling == name }

  /// How messages call the token.
  var described: String { kind == .name ? spelling : kind.described }
}

extension Token.Kind {
  var described: String {
    switch self {
    case .data: "template data / text"
    case .variableBegin: "begin of print statement"
    case .variableEnd: "end of print statement"
    case .blockBegin: "begin of statement block"
    case .blockEnd: "end of statement block"
    case .name: "name"
    case .string: "string"
    case .integer: "integer"
    case .float: "float"
    case .symbol(let symbol): symbol.rawValue
    case .end: "end of template"
    }
  }
}
