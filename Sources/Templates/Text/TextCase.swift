// SPDX-License-Identifier: Apache-2.0
// Upper and lower case with Unicode's full mappings, as CPython applies them.

extension Text {
  func uppercased() -> Text {
    mapCase(ascii: { (0x61...0x7A).contains($0) ? $0 - 32 : $0 }) { $0.properties.uppercaseMapping }
  }

  func lowercased() -> Text {
    if isASCII {
      return mapCase(ascii: { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }) { _ in "" }
    }
    return mapScalars { scalars, index in Text.lower(scalars, index) }
  }

  /// `capitalize`: the first code point in title case, the others in lower case.
  func capitalized() -> Text {
    mapScalars { scalars, index in
      index == 0 ? scalars[0].properties.titlecaseMapping : Text.lower(scalars, index)
    }
  }

  /// `title`: title case after every code point that has no case.
  func titled() -> Text {
    var previousIsCased = false
    return mapScalars { scalars, index in
      defer { previousIsCased = CodePoint.isCased(scalars[index]) }
      return previousIsCased
        ? Text.lower(scalars, index) : scalars[index].properties.titlecaseMapping
    }
  }

  func caseSwapped() -> Text {
    mapScalars { scalars, index in
      let scalar = scalars[index]
      if scalar.properties.isUppercase { return Text.lower(scalars, index) }
      return scalar.properties.isLowercase ? scalar.properties.uppercaseMapping : String(scalar)
    }
  }

  /// Unicode's full case folding, which for all but a few letters is the lower case of the upper
  /// case of the lower case.
  func caseFolded() -> Text {
    if isASCII { return lowercased() }
    func lower(_ text: Text) -> Text {
      text.mapScalars { scalars, index in scalars[index].properties.lowercaseMapping }
    }
    return lower(lower(self).uppercased())
  }

  /// Lower case of one code point; a final sigma depends on its neighbours.
  private static func lower(_ scalars: [Unicode.Scalar], _ index: Int) -> String {
    guard scalars[index] == "Σ" else { return scalars[index].properties.lowercaseMapping }
    func nearest(_ indices: some Sequence<Int>) -> Bool {
      for other in indices where !scalars[other].properties.isCaseIgnorable {
        return CodePoint.isCased(scalars[other])
      }
      return false
    }
    let isFinal = nearest((0..<index).reversed()) && !nearest(index + 1..<scalars.count)
    return isFinal ? "ς" : "σ"
  }

  private func mapCase(ascii: (UInt8) -> UInt8, other: (Unicode.Scalar) -> String) -> Text {
    if isASCII { return Text(bytes: bytes.map(ascii), count: count, isMarkup: isMarkup) }
    return mapScalars { scalars, index in other(scalars[index]) }
  }

  private func mapScalars(_ transform: ([Unicode.Scalar], Int) -> String) -> Text {
    let scalars = Array(string.unicodeScalars)
    var buffer = TextBuffer()
    buffer.bytes.reserveCapacity(bytes.count)
    for index in scalars.indices { buffer.append(transform(scalars, index)) }
    return buffer.text.marked(isMarkup)
  }
}

// MARK: - Tests

extension Text {
  /// Whether there is a code point and all satisfy the predicate.
  func all(_ predicate: (Unicode.Scalar) -> Bool) -> Bool {
    !isEmpty && string.unicodeScalars.allSatisfy(predicate)
  }

  /// `islower`: some cased code point, none in upper or title case.
  var isLower: Bool {
    hasCase {
      !$0.properties.isUppercase && !CodePoint.isTitlecase($0)
    } some: {
      $0.properties.isLowercase
    }
  }

  /// `isupper`: some cased code point, none in lower or title case.
  var isUpper: Bool {
    hasCase {
      !$0.properties.isLowercase && !CodePoint.isTitlecase($0)
    } some: {
      $0.properties.isUppercase
    }
  }

  private func hasCase(all: (Unicode.Scalar) -> Bool, some: (Unicode.Scalar) -> Bool) -> Bool {
    let scalars = string.unicodeScalars
    return scalars.allSatisfy(all) && scalars.contains(where: some)
  }

  /// `istitle`: upper case starts every run of cased code points and only them.
  var isTitle: Bool {
    var previousIsCased = false
    var found = false
    for scalar in string.unicodeScalars {
      if scalar.properties.isUppercase || CodePoint.isTitlecase(scalar) {
        if previousIsCased { return false }
        previousIsCased = true
        found = true
      } else if scalar.properties.isLowercase {
        if !previousIsCased { return false }
        found = true
      } else {
        previousIsCased = false
      }
    }
    return found
  }
}
