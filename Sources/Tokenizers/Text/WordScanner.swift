// SPDX-License-Identifier: Apache-2.0
// The split expressions that nearly all models use, as scanners: each says exactly what its regular expression
// says (backtracking included), at several times the speed. Any other expression goes to Pattern.

/// A well-known expression that cuts a text completely into words.
enum WordScanner: Sendable, Equatable {
  case gpt2
  /// Llama 3 and Qwen 2, which differ in how many digits make a word.
  case llama(digits: Int)
  case gpt4o

  private static let known: [String: WordScanner] = [
    PreTokenizer.gpt2: .gpt2,
    #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      .llama(digits: 3),
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      .llama(digits: 1),
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      .gpt4o,
  ]

  /// The scanner of an expression, if it has one.
  init?(_ expression: String) {
    guard let scanner = Self.known[expression] else { return nil }
    self = scanner
  }

  /// Appends the words in a part of a text.
  func cut(_ text: Span<UInt8>, _ range: Range<Int>, into words: inout [Range<Int>]) {
    let reader = KindReader(text: text, end: range.upperBound)
    var start = range.lowerBound
    while start < range.upperBound {
      let end =
        switch self {
        case .gpt2: reader.gpt2Word(start)
        case .llama(let digits): reader.llamaWord(start, digits: digits)
        case .gpt4o: reader.gpt4oWord(start)
        }
      words.append(start..<end)
      start = end
    }
  }
}

/// Kinds of characters as the expressions tell them apart.
private struct Kind: OptionSet {
  let rawValue: UInt8
  static let letter = Kind(rawValue: 1)
  static let number = Kind(rawValue: 2)
  static let space = Kind(rawValue: 4)
  static let lineEnd = Kind(rawValue: 8)
  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
  static let upper = Kind(rawValue: 16)
  /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
  static let lower = Kind(rawValue: 32)
  /// `[^\s\p{L}\p{N}]`
  static let other = Kind(rawValue: 64)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ point: UInt32) {
    let traits = CharacterTable.traits(point)
    switch traits.category {
    case .uppercase, .titlecase: self = [.letter, .upper]
    case .lowercase: self = [.letter, .lower]
    case .modifierLetter, .otherLetter: self = [.letter, .upper, .lower]
    case .nonspacingMark, .spacingMark, .enclosingMark: self = [.other, .upper, .lower]
    case .decimalNumber, .letterNumber, .otherNumber: self = .number
    default: self = traits.contains(.whitespace) ? .space : .other
    }
    if point == 10 || point == 13 { insert(.lineEnd) }
  }

  /// Kinds by character class, and for ASCII directly.
  static let ofClass: [Kind] = {
    var kinds = [Kind](repeating: .other, count: 256)
    for point in UInt32(128)..<0x110000 { kinds[Int(CharacterTable.shared.characterClass(point))] = Kind(point) }
    return kinds
  }()
  static let ascii: [Kind] = (0..<128).map { Kind($0) }
}

/// Reads kinds up to an end.
private struct KindReader: ~Escapable {
  let text: Span<UInt8>
  let end: Int
  let ascii = Kind.ascii
  let ofClass = Kind.ofClass
  let table = CharacterTable.shared

  @_lifetime(copy text)
  init(text: Span<UInt8>, end: Int) {
    self.text = text
    self.end = end
  }

  /// The kind of the character at an offset and its length; no kind at the end.
  @inline(__always)
  func kind(_ index: Int) -> (kind: Kind, length: Int) {
    guard index < end else { return ([], 0) }
    let byte = text[index]
    if byte < 0x80 { return (ascii[Int(byte)], 1) }
    let (point, length) = text.scalar(at: index)
    return (ofClass[Int(table.characterClass(point))], length)
  }

  /// Where a run of characters of any of these kinds ends.
  @inline(__always)
  func run(_ kinds: Kind, from start: Int) -> Int {
    var index = start
    while true {
      let (kind, length) = kind(index)
      if kind.isDisjoint(with: kinds) { return index }
      index += length
    }
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d` from the apostrophe on; nil when it is none.
  @inline(__always)
  func contraction(_ start: Int, ignoringCase: Bool) -> Int? {
    guard start + 1 < end, text[start] == UInt8(ascii: "'") else { return nil }
    let fold: UInt8 = ignoringCase ? 0x20 : 0
    let first = text[start + 1] | fold
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
      let wanted = first == UInt8(ascii: "l") ? first : UInt8(ascii: "e")
      return start + 2 < end && text[start + 2] | fold == wanted ? start + 3 : nil
    default:
      // U+017F, the long s, is an s when case is ignored.
      let isLongS = ignoringCase && start + 2 < end && text[start + 1] == 0xC5 && text[start + 2] == 0xBF
      return isLongS ? start + 3 : nil
    }
  }

  /// `\s+(?!\S)|\s+`: a run of blanks, but its last one when a word follows.
  @inline(__always)
  func blanks(_ start: Int) -> Int {
    let stop = run(.space, from: start)
    guard stop < end else { return stop }
    let last = stop - text.scalar(before: stop).length
    return last > start ? last : stop
  }

  /// `\s*[\r\n]+` before that: up to the last line end of the run.
  @inline(__always)
  func lineEndsOrBlanks(_ start: Int) -> Int {
    var index = start
    var last = start
    while true {
      let (kind, length) = kind(index)
      guard kind.contains(.space) else { break }
      index += length
      if kind.contains(.lineEnd) { last = index }
    }
    return last > start ? last : blanks(start)
  }

  func gpt2Word(_ start: Int) -> Int {
    if let stop = contraction(start, ignoringCase: false) { return stop }
    let blank = text[start] == 0x20 ? 1 : 0
    let (kind, length) = kind(start + blank)
    if kind.contains(.letter) { return run(.letter, from: start + blank + length) }
    if kind.contains(.number) { return run(.number, from: start + blank + length) }
    if kind.contains(.other) { return run(.other, from: start + blank + length) }
    return blanks(start)
  }

  func llamaWord(_ start: Int, digits: Int) -> Int {
    if let stop = contraction(start, ignoringCase: true) { return stop }
    let (first, length) = kind(start)
    if first.contains(.letter) { return run(.letter, from: start + length) }
    if first.isDisjoint(with: [.lineEnd, .number]) {
      let stop = run(.letter, from: start + length)
      if stop > start + length { return stop }
    }
    if first.contains(.number) { return number(start, digits) }
    return symbolsOrBlanks(start, first, length, trailing: 10)
  }

  /// `\p{N}{1,n}`
  @inline(__always)
  private func number(_ start: Int, _ digits: Int) -> Int {
    var index = start
    for _ in 0..<digits {
      let (kind, length) = kind(index)
      guard kind.contains(.number) else { break }
      index += length
    }
    return index
  }

  /// ` ?[^\s\p{L}\p{N}]+[\r\n]*`, with one more byte that may trail; else blanks.
  @inline(__always)
  private func symbolsOrBlanks(_ start: Int, _ first: Kind, _ length: Int, trailing: UInt8) -> Int {
    var index = start
    if first.contains(.other) {
      index = run(.other, from: start + length)
    } else if text[start] == 0x20 {
      index = run(.other, from: start + 1)
      if index == start + 1 { return lineEndsOrBlanks(start) }
    } else {
      return lineEndsOrBlanks(start)
    }
    while index < end, text[index] == 10 || text[index] == 13 || text[index] == trailing { index += 1 }
    return index
  }

  func gpt4oWord(_ start: Int) -> Int {
    let (first, length) = kind(start)
    let takesPrefix = first.isDisjoint(with: [.lineEnd, .letter, .number])
    // The first alternative wants a lower-case letter, the second is content with upper-case ones.
    if takesPrefix, let stop = mixedCase(start + length) { return suffixed(stop) }
    if let stop = mixedCase(start) { return suffixed(stop) }
    if takesPrefix, let stop = upperCase(start + length) { return suffixed(stop) }
    if let stop = upperCase(start) { return suffixed(stop) }
    if first.contains(.number) { return number(start, 3) }
    return symbolsOrBlanks(start, first, length, trailing: UInt8(ascii: "/"))
  }

  /// `[upper]*[lower]+`: the upper run gives characters back until one of them is lower too.
  @inline(__always)
  private func mixedCase(_ start: Int) -> Int? {
    var index = start
    var lastOfBoth: Int?
    while true {
      let (kind, length) = kind(index)
      guard kind.contains(.upper) else { break }
      index += length
      if kind.contains(.lower) { lastOfBoth = index }
    }
    let stop = run(.lower, from: index)
    return stop > index ? stop : lastOfBoth
  }

  /// `[upper]+[lower]*` where no lower one follows.
  @inline(__always)
  private func upperCase(_ start: Int) -> Int? {
    let stop = run(.upper, from: start)
    return stop > start ? run(.lower, from: stop) : nil
  }

  @inline(__always)
  private func suffixed(_ stop: Int) -> Int { contraction(stop, ignoringCase: true) ?? stop }
}
