// SPDX-License-Identifier: Apache-2.0
// Python's str methods.

/// The methods of strings.
enum TextMethod: String, Sendable {
  case capitalize, casefold, center, count, endswith, expandtabs, find, format
  case formatMap = "format_map"
  case index, isalnum, isalpha, isascii, isdecimal, isdigit, isidentifier, islower, isnumeric, isprintable
  case isspace, istitle, isupper, join, ljust, lower, lstrip, partition, removeprefix, removesuffix, replace
  case rfind, rindex, rjust, rpartition, rsplit, rstrip, split, splitlines, startswith, strip, swapcase, title
  case upper, zfill
  case striptags, unescape
}

extension Renderer {
  func call(_ method: TextMethod, on text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    try visit(text)
    switch method {
    case .casefold, .lower, .upper:
      try arguments.expectNone(method.rawValue)
      try visitLetters(text)
      return try string(changeCase(method, text))
    case .capitalize, .swapcase, .title:
      try arguments.expectNone(method.rawValue)
      try visitClosely(text)
      return try string(changeCase(method, text))
    case .strip, .lstrip, .rstrip: return try strip(method, text, arguments)
    case .split, .rsplit: return try split(method, text, arguments)
    case .splitlines:
      let keepEnds = try arguments.bind("splitlines", ["keepends"])[0].isTrue(or: false)
      return try list(text.lines(keepingEnds: keepEnds))
    case .partition, .rpartition: return try partition(method, text, arguments)
    case .replace: return try replace(text, arguments)
    case .startswith, .endswith: return try affix(method, text, arguments)
    case .find, .rfind, .index, .rindex, .count: return try search(method, text, arguments)
    case .removeprefix, .removesuffix: return try removeAffix(method, text, arguments)
    case .join: return try join(text, arguments)
    case .center, .ljust, .rjust, .zfill: return try pad(method, text, arguments)
    case .expandtabs: return try expandTabs(text, arguments)
    case .format: return try string(try BraceFormat.format(text, arguments, self))
    case .formatMap:
      guard case .dict(let dict)? = try arguments.bind("format_map", ["mapping"], required: 1)[0] else {
        throw .failure("format_map() argument must be a dict")
      }
      return try string(try BraceFormat.format(text, .none, mapping: dict, self))
    case .striptags, .unescape:
      guard text.isMarkup else {
        return .undefined(Undefined(.attribute(of: "str object", name: method.rawValue)))
      }
      try arguments.expectNone(method.rawValue)
      return try string(method == .striptags ? HTML.withoutTags(text) : HTML.unescaped(text))
    default:
      try arguments.expectNone(method.rawValue)
      try visitClosely(text)
      return .bool(satisfies(method, text))
    }
  }

  private func changeCase(_ method: TextMethod, _ text: Text) -> Text {
    switch method {
    case .capitalize: text.capitalized()
    case .casefold: text.caseFolded()
    case .lower: text.lowercased()
    case .swapcase: text.caseSwapped()
    case .title: text.titled()
    default: text.uppercased()
    }
  }

  private func satisfies(_ method: TextMethod, _ text: Text) -> Bool {
    switch method {
    case .isalnum: text.all(CodePoint.isAlphanumeric)
    case .isalpha: text.all(CodePoint.isAlpha)
    case .isascii: text.isASCII
    case .isdecimal: text.all(CodePoint.isDecimal)
    case .isdigit: text.all(CodePoint.isDigit)
    case .isidentifier:
      text.all(CodePoint.continuesName) && !(text.string.unicodeScalars.first.map(CodePoint.isDecimal) ?? true)
    case .islower: text.isLower
    case .isnumeric: text.all(CodePoint.isNumeric)
    case .isprintable: text.string.unicodeScalars.allSatisfy(CodePoint.isPrintable)
    case .isspace: text.all { CodePoint.isSpace($0.value) }
    case .istitle: text.isTitle
    default: text.isUpper
    }
  }

  private func strip(_ method: TextMethod, _ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let argument = arguments.isEmpty ? nil : try arguments.bind(method.rawValue, ["chars"])[0]
    let characters: Text? = argument.isAbsent ? nil : try argument?.text(method.rawValue)
    try visitSet(characters, over: text)
    return try string(text.trimmed(start: method != .rstrip, end: method != .lstrip, of: characters))
  }

  /// Counts making a set of characters and looking up those of a text in it.
  func visitSet(_ characters: Text?, over text: Text) throws(TemplateProblem) {
    if let characters { try charge(2 * (characters.count + text.count)) }
  }

  /// Counts looking for a text in another.
  func visitSearch(for needle: Text, in text: Text) throws(TemplateProblem) {
    try charge((needle.bytes.count + text.bytes.count) >> 2)
  }

  private func split(_ method: TextMethod, _ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let values = try arguments.bind(method.rawValue, ["sep", "maxsplit"])
    let limit = try values[1].map { (value) throws(TemplateProblem) in try value.integer() } ?? -1
    let most = limit < 0 ? Int.max : limit
    if values[0].isAbsent {
      return try list(method == .split ? text.splitAtSpace(atMost: most) : text.splitAtSpaceFromEnd(atMost: most))
    }
    let separator = try values[0]?.text(method.rawValue) ?? .empty
    guard !separator.isEmpty else { throw .failure("empty separator") }
    try visitSearch(for: separator, in: text)
    return try list(
      method == .split
        ? text.split(on: separator, atMost: most) : text.splitFromEnd(on: separator, atMost: most))
  }

  private func partition(_ method: TextMethod, _ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let separator = try arguments.bind(method.rawValue, ["sep"], required: 1)[0]?.text(method.rawValue) ?? .empty
    guard !separator.isEmpty else { throw .failure("empty separator") }
    let parts: [Text]
    if method == .partition {
      let split = text.split(on: separator, atMost: 1)
      parts = split.count == 2 ? [split[0], separator, split[1]] : [text, .empty, .empty]
    } else {
      let split = text.splitFromEnd(on: separator, atMost: 1)
      parts = split.count == 2 ? [split[0], separator, split[1]] : [.empty, .empty, text]
    }
    return try tuple(parts.map { .string($0) })
  }

  private func replace(_ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let values = try arguments.bind("replace", ["old", "new", "count"], required: 2)
    let old = try values[0]?.text("replace") ?? .empty
    let new = try values[1]?.text("replace") ?? .empty
    let limit = try values[2].map { (value) throws(TemplateProblem) in try value.integer() } ?? -1
    return try string(try replaced(text, old, text.isMarkup ? HTML.escaped(new) : new, limit))
  }

  /// `str.replace`, its size checked before it is made.
  func replaced(_ text: Text, _ old: Text, _ new: Text, _ limit: Int) throws(TemplateProblem) -> Text {
    try visitSearch(for: old, in: text)
    if new.bytes.count > old.bytes.count {
      let places = old.isEmpty ? text.count + 1 : text.bytes.count / old.bytes.count
      let most = limit < 0 ? places : min(places, limit)
      if text.bytes.count + most * new.bytes.count > limits.textSize {
        let found = text.occurrences(of: old, atMost: limit < 0 ? .max : limit).count
        try charge(2 * found)
        try allocateText(text.bytes.count + found * (new.bytes.count - old.bytes.count))
      }
    }
    let places = text.occurrences(of: old, atMost: limit < 0 ? .max : limit)
    try charge(2 * places.count)
    return text.replacing(old, with: new, at: places)
  }

  // MARK: Searching

  /// The part of a text between optional bounds, as bytes; nil when the start is beyond the end.
  private func bounds(_ text: Text, _ start: Object?, _ end: Object?) throws(TemplateProblem) -> Range<Int>? {
    func place(_ value: Object?, or fallback: Int) throws(TemplateProblem) -> Int {
      let index = try value.integer(or: fallback)
      return min(index < 0 ? max(0, index + text.count) : index, text.count + 1)
    }
    let first = try place(start, or: 0)
    let last = min(try place(end, or: text.count), text.count)
    guard first <= last else { return nil }
    return text.offset(of: first)..<text.offset(of: last)
  }

  private func search(_ method: TextMethod, _ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let values = try arguments.bind(method.rawValue, ["sub", "start", "end"], required: 1)
    let needle = try values[0]?.text(method.rawValue) ?? .empty
    try visitSearch(for: needle, in: text)
    let range = try bounds(text, values[1], values[2])
    if method == .count {
      let found = range.map { text.part($0).occurrences(of: needle, atMost: .max).count } ?? 0
      try charge(2 * found)
      return .int(found)
    }
    let fromEnd = method == .rfind || method == .rindex
    let found = range.flatMap { fromEnd ? text.lastOffset(of: needle, in: $0) : text.firstOffset(of: needle, in: $0) }
    if let found { return .int(text.index(of: found)) }
    guard method == .find || method == .rfind else { throw .failure("substring not found") }
    return .int(-1)
  }

  private func affix(_ method: TextMethod, _ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let values = try arguments.bind(method.rawValue, ["prefix", "start", "end"], required: 1)
    let candidates: [Object]
    switch values[0] {
    case .some(.tuple(let tuple)): candidates = tuple.items
    case .some(let value): candidates = [value]
    case nil: candidates = []
    }
    let whole = values[1] == nil && values[2] == nil
    guard let range = whole ? 0..<text.bytes.count : try bounds(text, values[1], values[2]) else {
      return .bool(false)
    }
    let part = text.part(range)
    for candidate in candidates {
      guard case .string(let affix) = candidate else {
        if case .undefined(let undefined) = candidate { throw undefined.problem }
        throw .failure(
          "\(method.rawValue) first arg must be str or a tuple of str, not \(candidate.typeName)")
      }
      if method == .startswith ? part.hasPrefix(affix) : part.hasSuffix(affix) { return .bool(true) }
    }
    return .bool(false)
  }

  private func removeAffix(_ method: TextMethod, _ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object
  {
    let affix = try arguments.bind(method.rawValue, ["prefix"], required: 1)[0]?.text(method.rawValue) ?? .empty
    let length = text.bytes.count
    if method == .removeprefix, text.hasPrefix(affix) { return try string(text.part(affix.bytes.count..<length)) }
    if method == .removesuffix, text.hasSuffix(affix) { return try string(text.part(0..<length - affix.bytes.count)) }
    return .string(text)
  }

  // MARK: Building

  private func join(_ separator: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let items = try self.items(of: try arguments.bind("join", ["iterable"], required: 1)[0] ?? .none)
    var texts: [Text] = []
    texts.reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      guard case .string(let text) = item else {
        throw .failure("sequence item \(index): expected str instance, \(item.typeName) found")
      }
      texts.append(separator.isMarkup ? HTML.escaped(text) : text)
    }
    return try string(try joined(texts, separator).marked(separator.isMarkup))
  }

  /// Texts with a separator between them.
  func joined(_ texts: [Text], _ separator: Text) throws(TemplateProblem) -> Text {
    var size = 0
    for text in texts { size += text.bytes.count + separator.bytes.count }
    guard size <= limits.textSize + separator.bytes.count else {
      throw .exceeded(.textSize, "the template makes a text of more than \(limits.textSize) bytes")
    }
    var buffer = TextBuffer()
    buffer.bytes.reserveCapacity(size)
    for (index, text) in texts.enumerated() {
      if index > 0 { buffer.append(separator) }
      buffer.append(text)
    }
    return buffer.text
  }

  private func pad(_ method: TextMethod, _ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let values = try arguments.bind(method.rawValue, ["width", "fillchar"], required: 1)
    let fill = try values[1]?.text(method.rawValue) ?? " "
    guard fill.count == 1 else { throw .failure("The fill character must be exactly one character long") }
    let width = try values[0].integer(or: 0)
    return try string(try padded(text, width, fill, method))
  }

  /// Text filled to a width, as a method of padding does.
  func padded(_ text: Text, _ width: Int, _ fill: Text, _ method: TextMethod) throws(TemplateProblem) -> Text {
    guard width > text.count else { return text }
    let missing = width - text.count
    let padding: (Int) throws(TemplateProblem) -> Text = { (count) throws(TemplateProblem) in
      try self.repeated(fill, count)
    }
    switch method {
    case .ljust: return try joined([text, try padding(missing)], .empty).marked(text.isMarkup)
    case .rjust: return try joined([try padding(missing), text], .empty).marked(text.isMarkup)
    case .zfill:
      let signed = text.bytes.first == 0x2B || text.bytes.first == 0x2D
      let zeros = try repeated("0", missing)
      let split = signed ? 1 : 0
      return try joined([text.part(0..<split), zeros, text.part(split..<text.bytes.count)], .empty)
    default:
      // CPython's rule for where the odd one goes.
      let left = missing / 2 + (missing & width & 1)
      return try joined([try padding(left), text, try padding(missing - left)], .empty).marked(text.isMarkup)
    }
  }

  private func expandTabs(_ text: Text, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let size = try arguments.bind("expandtabs", ["tabsize"])[0].integer(or: 8)
    guard size <= FormatSpec.maximumWidth else {
      throw .exceeded(.textSize, "a tab size above \(FormatSpec.maximumWidth)")
    }
    var buffer = TextBuffer()
    var column = 0
    for byte in text.bytes {
      if byte == 0x09 {
        let spaces = size > 0 ? size - column % size : 0
        try charge(spaces)
        for _ in 0..<spaces { buffer.appendByte(0x20) }
        column += spaces
      } else {
        buffer.appendByte(byte)
        if byte & 0xC0 != 0x80 { column = byte == 0x0A || byte == 0x0D ? 0 : column + 1 }
      }
    }
    return try string(buffer.text)
  }
}
