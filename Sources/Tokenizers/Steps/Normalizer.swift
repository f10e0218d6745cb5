// SPDX-License-Identifier: Apache-2.0
// What happens to text before it is cut: the `normalizer` of tokenizer.json.

/// A text being normalized.
struct NormalizedText {
  /// Valid UTF-8.
  var bytes: [UInt8]
  /// Whether its first character comes from the very beginning of what was given to the tokenizer.
  var startsAtOrigin: Bool
}

/// One step that rewrites text.
indirect enum Normalizer: Sendable {
  case sequence([Normalizer])
  case form(Normalization)
  case lowercase
  case stripAccents
  case strip(left: Bool, right: Bool)
  case prepend([UInt8])
  case append([UInt8])
  case replace(Pattern, with: [UInt8])
  case nmt
  case precompiled(CharacterMap)
  case bert(BertNormalizer)
  case byteLevel

  /// A text after this step.
  func apply(_ text: [UInt8]) -> [UInt8] {
    var result = NormalizedText(bytes: text, startsAtOrigin: false)
    apply(&result)
    return result.bytes
  }

  /// Rewrites a text.
  func apply(_ text: inout NormalizedText) {
    switch self {
    case .sequence(let steps): for step in steps { step.apply(&text) }
    case .form(let form): text.bytes = form.apply(text.bytes)
    case .lowercase: text.lowercase()
    case .stripAccents: text.remove { CharacterTable.traits($0).contains(.combiningMark) }
    case .strip(let left, let right): text.strip(left: left, right: right)
    case .prepend(let prefix): if !text.bytes.isEmpty { text.bytes.insert(contentsOf: prefix, at: 0) }
    case .append(let suffix): if !text.bytes.isEmpty { text.bytes += suffix }
    case .replace(let pattern, let content): text.replace(pattern, with: content)
    case .nmt: Self.normalizeAsNMT(&text)
    case .precompiled(let map): text.bytes = map.apply(text.bytes)
    case .bert(let steps): steps.apply(&text)
    case .byteLevel: text.bytes = ByteAlphabet.encode(text.bytes)
    }
  }

  /// Control characters go, everything like a blank becomes one.
  private static func normalizeAsNMT(_ text: inout NormalizedText) {
    text.remove { point in
      switch point {
      case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: true
      default: false
      }
    }
    text.map { point in
      switch point {
      case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: 0x20
      default: point
      }
    }
  }
}

/// Bert's normalizer.
struct BertNormalizer: Sendable {
  var cleansText: Bool
  var separatesChinese: Bool
  var stripsAccents: Bool
  var lowercases: Bool

  func apply(_ text: inout NormalizedText) {
    if cleansText {
      text.remove { CharacterTable.traits($0).contains(.unwanted) }
      text.map { CharacterTable.traits($0).contains(.whitespace) ? 0x20 : $0 }
    }
    if separatesChinese && !text.bytes.span.isASCII { separateChinese(&text) }
    if stripsAccents {
      text.bytes = Normalization.nfd.apply(text.bytes)
      text.remove { CharacterTable.traits($0).contains(.accent) }
    }
    if lowercases { text.lowercase() }
  }

  private func separateChinese(_ text: inout NormalizedText) {
    var output: [UInt8] = []
    output.reserveCapacity(text.bytes.count * 2)
    text.bytes.span.forEachScalar { point, _ in
      let isChinese = Self.isChinese(point)
      if isChinese { output.append(0x20) }
      output.append(scalar: point)
      if isChinese { output.append(0x20) }
    }
    text.bytes = output
  }

  private static func isChinese(_ point: UInt32) -> Bool {
    switch point {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}

extension NormalizedText {
  /// Takes characters out.
  mutating func remove(where isUnwanted: (UInt32) -> Bool) {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var keepsFirst = true
    bytes.span.forEachScalar { point, index in
      if !isUnwanted(point) { output.append(scalar: point) } else if index == 0 { keepsFirst = false }
    }
    if output.count == bytes.count { return }
    startsAtOrigin = startsAtOrigin && keepsFirst
    bytes = output
  }

  /// Replaces characters by others.
  mutating func map(_ body: (UInt32) -> UInt32) {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    bytes.span.forEachScalar { point, _ in output.append(scalar: body(point)) }
    bytes = output
  }

  /// Lowers each character by itself: a final sigma is like any other.
  mutating func lowercase() {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    bytes.span.forEachScalar { point, _ in
      if point < 0x80 {
        let isUpper = 0x41...0x5A ~= point
        output.append(UInt8(truncatingIfNeeded: isUpper ? point | 0x20 : point))
      } else if let scalar = Unicode.Scalar(point), scalar.properties.changesWhenLowercased {
        output += scalar.properties.lowercaseMapping.utf8
      } else {
        output.append(scalar: point)
      }
    }
    bytes = output
  }

  /// Takes whitespace away from the ends.
  mutating func strip(left: Bool, right: Bool) {
    let source = bytes
    let text = source.span
    var (start, end) = (0, text.count)
    while left, start < end {
      let (point, length) = text.scalar(at: start)
      guard CharacterTable.traits(point).contains(.whitespace) else { break }
      start += length
    }
    while right, end > start {
      let (point, length) = text.scalar(before: end)
      guard CharacterTable.traits(point).contains(.whitespace) else { break }
      end -= length
    }
    startsAtOrigin = startsAtOrigin && start == 0
    bytes = Array(source[start..<end])
  }

  /// Replaces the matches of a pattern.
  mutating func replace(_ pattern: Pattern, with content: [UInt8]) {
    let matches = pattern.matches(in: bytes, 0..<bytes.count)
    guard let first = matches.first, !bytes.isEmpty else { return }
    if first.lowerBound == 0 && !first.isEmpty {
      // What replaces several characters counts as coming from the last of them.
      let isOneCharacter = bytes.span.scalar(at: 0).length == first.count
      startsAtOrigin = startsAtOrigin && isOneCharacter && !content.isEmpty
    }
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var position = 0
    for match in matches {
      output += bytes[position..<match.lowerBound]
      output += content
      position = match.upperBound
    }
    bytes = output + bytes[position...]
  }
}
