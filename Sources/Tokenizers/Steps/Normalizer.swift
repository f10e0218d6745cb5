// SPDX-License-Identifier: Apache-2.0
// What happens to text before it is cut: the `normalizer` of tokenizer.json.

import Basics

/// One step that rewrites text.
indirect enum Normalizer: Sendable {
  case sequence([Normalizer])
  case form(Normalization)
  case lowercase
  case stripAccents
  case strip(left: Bool, right: Bool)
  case prepend(String)
  case append(String)
  case replace(Pattern, with: String)
  case byteLevel

  /// The text after this step.
  func apply(_ text: String) -> String {
    switch self {
    case .sequence(let steps): return steps.reduce(text) { $1.apply($0) }
    case .form(let form): return form.apply(text)
    case .lowercase:
      var output = ""
      for scalar in text.unicodeScalars { output += scalar.properties.lowercaseMapping }
      return output
    case .stripAccents:
      return String(String.UnicodeScalarView(text.unicodeScalars.filter { !$0.isMark }))
    case .strip(let left, let right):
      var scalars = text.unicodeScalars[...]
      while left, let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
      while right, let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
      return String(scalars)
    case .prepend(let prefix): return text.isEmpty ? text : prefix + text
    case .append(let suffix): return text.isEmpty ? text : text + suffix
    case .replace(let pattern, let content):
      let bytes = Array(text.utf8)
      let matches = pattern.matches(in: bytes)
      if matches.isEmpty { return text }
      var output: [UInt8] = []
      var position = 0
      for match in matches {
        output += bytes[position..<match.lowerBound]
        output += content.utf8
        position = match.upperBound
      }
      return String(decoding: output + bytes[position...], as: UTF8.self)
    case .byteLevel: return String(decoding: ByteAlphabet.encode(text.utf8), as: UTF8.self)
    }
  }
}

extension Unicode.Scalar {
  /// Whether it combines with what is before it.
  var isMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: false
    }
  }

  /// Whether it is part of a word, as `\w` in the reference library.
  var isWord: Bool {
    switch properties.generalCategory {
    case .decimalNumber, .connectorPunctuation: true
    default: properties.isAlphabetic || isMark || properties.isJoinControl
    }
  }
}
