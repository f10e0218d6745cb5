// SPDX-License-Identifier: Apache-2.0
// How text is cut into words before the model sees it: the `pre_tokenizer` of tokenizer.json.

/// One step that cuts pieces.
indirect enum PreTokenizer: Sendable {
  enum PrependScheme: String, Sendable { case always, first, never }

  case sequence([PreTokenizer])
  /// The alphabet is left to the model when its vocabulary is in raw bytes.
  case byteLevel(addsPrefixSpace: Bool, usesRegex: Bool, isRaw: Bool)
  case words(WordScanner)
  case split(Pattern, SplitBehavior, isInverted: Bool)
  case delimiter(UInt32)
  case digits(isIndividual: Bool)
  case punctuation(SplitBehavior)
  case whitespace
  case whitespaceSplit
  case bert
  case metaspace(Metaspace, splits: Bool)
  case unicodeScripts
  case fixedLength(Int)

  /// The words of GPT-2.
  static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// Cuts the pieces further.
  func apply(_ pieces: inout Pieces) {
    switch self {
    case .sequence(let steps): for step in steps { step.apply(&pieces) }
    case .byteLevel(let addsPrefixSpace, let usesRegex, let isRaw):
      if addsPrefixSpace { Self.addSpaces(&pieces) }
      if usesRegex { Self.cut(&pieces, .gpt2) }
      if !isRaw { Self.encodeBytes(&pieces) }
    case .words(let scanner): Self.cut(&pieces, scanner)
    case .split(let pattern, let behavior, let isInverted):
      pieces.cut(behavior) { bytes, range in
        Part.covering(range, matches: pattern.matches(in: bytes, range), isInverted: isInverted)
      }
    case .delimiter(let delimiter): Self.cut(&pieces, .removed) { $0 == delimiter }
    case .digits(let isIndividual):
      Self.cut(&pieces, isIndividual ? .isolated : .contiguous) { Self.has($0, .numeric) }
    case .punctuation(let behavior): Self.cut(&pieces, behavior) { Self.has($0, .punctuation) }
    case .whitespace: Self.cutWords(&pieces)
    case .whitespaceSplit: Self.cut(&pieces, .removed) { Self.has($0, .whitespace) }
    case .bert:
      Self.cut(&pieces, .removed) { Self.has($0, .whitespace) }
      Self.cut(&pieces, .isolated) { Self.has($0, .punctuation) }
    case .metaspace(let metaspace, let splits):
      metaspace.mark(&pieces)
      if splits { Self.cut(&pieces, .mergedWithNext) { $0 == metaspace.replacement.value } }
    case .unicodeScripts: Self.cutScripts(&pieces)
    case .fixedLength(let length): Self.cutLengths(&pieces, length)
    }
  }

  @inline(__always)
  private static func has(_ point: UInt32, _ traits: CharacterTraits) -> Bool {
    !CharacterTable.traits(point).isDisjoint(with: traits)
  }

  private static func cut(_ pieces: inout Pieces, _ behavior: SplitBehavior, where fits: (UInt32) -> Bool) {
    pieces.cut(behavior) { bytes, range in Part.covering(bytes.span, range, where: fits) }
  }

  private static func cut(_ pieces: inout Pieces, _ scanner: WordScanner) {
    var output: [Range<Int>] = []
    output.reserveCapacity(pieces.bytes.count / 4 + 8)
    let source = pieces.bytes
    let bytes = source.span
    for range in pieces.ranges { scanner.cut(bytes, range, into: &output) }
    pieces.ranges = output
  }

  private static func addSpaces(_ pieces: inout Pieces) {
    pieces.rewrite { bytes, range, output in
      if bytes[range.lowerBound] != 0x20 { output.append(0x20) }
      for index in range { output.append(bytes[index]) }
    }
  }

  private static func encodeBytes(_ pieces: inout Pieces) {
    pieces.rewrite { bytes, range, output in
      for index in range { output.append(scalar: ByteAlphabet.points[Int(bytes[index])]) }
    }
  }

  /// `\w+|[^\w\s]+`, everything else gone.
  private static func cutWords(_ pieces: inout Pieces) {
    func kind(_ point: UInt32) -> Int { has(point, .word) ? 1 : has(point, .whitespace) ? 0 : 2 }
    var output: [Range<Int>] = []
    let source = pieces.bytes
    let bytes = source.span
    for range in pieces.ranges {
      var start = range.lowerBound
      var current = 0
      bytes.forEachScalar(from: range.lowerBound, to: range.upperBound) { point, index in
        let next = kind(point)
        guard next != current else { return }
        if current > 0 { output.append(start..<index) }
        (start, current) = (index, next)
      }
      if current > 0 { output.append(start..<range.upperBound) }
    }
    pieces.ranges = output
  }

  /// Cuts where the script changes. As in the reference, what precedes the first character with a script is lost.
  private static func cutScripts(_ pieces: inout Pieces) {
    var output: [Range<Int>] = []
    let source = pieces.bytes
    let bytes = source.span
    for range in pieces.ranges {
      var current: UInt8 = 0
      var start: Int?
      bytes.forEachScalar(from: range.lowerBound, to: range.upperBound) { point, index in
        let script = CharacterTable.scripts.characterClass(point)
        guard script != 0, script != current else { return }
        if let start { output.append(start..<index) }
        (start, current) = (index, script)
      }
      if let start { output.append(start..<range.upperBound) }
    }
    pieces.ranges = output
  }

  private static func cutLengths(_ pieces: inout Pieces, _ length: Int) {
    var output: [Range<Int>] = []
    let source = pieces.bytes
    let bytes = source.span
    for range in pieces.ranges {
      var start = range.lowerBound
      var count = 0
      bytes.forEachScalar(from: range.lowerBound, to: range.upperBound) { _, index in
        if count == length {
          output.append(start..<index)
          (start, count) = (index, 0)
        }
        count += 1
      }
      output.append(start..<range.upperBound)
    }
    pieces.ranges = output
  }
}

/// Blanks written as a character, one of which may be put before the text.
struct Metaspace: Sendable {
  let replacement: Unicode.Scalar
  let scheme: PreTokenizer.PrependScheme

  /// Marks the blanks of all pieces.
  func mark(_ pieces: inout Pieces) {
    let mark = Array(String(replacement).utf8)
    let atOrigin = pieces.startsAtOrigin && pieces.ranges.first?.lowerBound == 0
    var isFirst = true
    pieces.rewrite { bytes, range, output in
      let isMarked =
        bytes[range.lowerBound] == 0x20 || bytes.scalar(at: range.lowerBound).value == replacement.value
      if !isMarked && (scheme == .always || scheme == .first && isFirst && atOrigin) { output += mark }
      for index in range {
        if bytes[index] == 0x20 { output += mark } else { output.append(bytes[index]) }
      }
      isFirst = false
    }
  }
}
