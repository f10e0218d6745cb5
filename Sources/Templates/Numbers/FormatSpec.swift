// SPDX-License-Identifier: Apache-2.0
// The format of one value: `[[fill]align][sign][#][0][width][,][.precision][type]` of `str.format`,
// which `%` formatting uses with other spellings.

/// How a value is to be shown.
struct FormatSpec {
  enum Alignment { case left, right, center, afterSign }

  var fill: Text = " "
  var alignment: Alignment?
  /// `-` (negative only), `+` or a space.
  var sign = UInt8(ascii: "-")
  var isAlternate = false
  var width = 0
  var grouping: UInt8?
  var precision: Int?
  var type: UInt8?

  static let maximumWidth = 1 << 16

  init() {}

  /// Reads a format specification of `str.format`.
  init(_ text: Text) throws(TemplateProblem) {
    var cursor = Cursor(text)
    try readAlignment(&cursor)
    if let byte = cursor.take(from: "+- ") { sign = byte }
    _ = cursor.take(from: "z")
    isAlternate = cursor.take(from: "#") != nil
    if cursor.take(from: "0") != nil, alignment == nil {
      fill = "0"
      alignment = .afterSign
    }
    width = try cursor.number() ?? 0
    grouping = cursor.take(from: ",_")
    if cursor.take(from: ".") != nil {
      guard let digits = try cursor.number() else { throw .failure("Format specifier missing precision") }
      precision = digits
    }
    type = cursor.takeAny()
    if !cursor.isAtEnd { throw .failure("Invalid format specifier") }
  }

  private mutating func readAlignment(_ cursor: inout Cursor) throws(TemplateProblem) {
    let text = cursor.text
    if !text.isEmpty {
      let length = text.scalar(at: 0).length
      if length < text.bytes.count, let alignment = FormatSpec.alignment(text.bytes[length]) {
        fill = text.part(0..<length)
        self.alignment = alignment
        cursor.offset = length + 1
        return
      }
      if let alignment = FormatSpec.alignment(text.bytes[0]) {
        self.alignment = alignment
        cursor.offset = 1
      }
    }
  }

  private static func alignment(_ byte: UInt8) -> Alignment? {
    switch byte {
    case UInt8(ascii: "<"): .left
    case UInt8(ascii: ">"): .right
    case UInt8(ascii: "^"): .center
    case UInt8(ascii: "="): .afterSign
    default: nil
    }
  }

  /// Reads a specification byte by byte.
  private struct Cursor {
    let text: Text
    var offset = 0

    init(_ text: Text) { self.text = text }

    var isAtEnd: Bool { offset >= text.bytes.count }

    mutating func take(from choices: StaticString) -> UInt8? {
      guard !isAtEnd, "\(choices)".utf8.contains(text.bytes[offset]) else { return nil }
      return takeAny()
    }

    mutating func takeAny() -> UInt8? {
      guard !isAtEnd else { return nil }
      defer { offset += 1 }
      return text.bytes[offset]
    }

    mutating func number() throws(TemplateProblem) -> Int? {
      var value: Int?
      while !isAtEnd, (0x30...0x39).contains(text.bytes[offset]) {
        value = (value ?? 0) * 10 + Int(text.bytes[offset] - 0x30)
        offset += 1
        if let value, value > FormatSpec.maximumWidth {
          throw .exceeded(.textSize, "a width or precision of a format is above \(FormatSpec.maximumWidth)")
        }
      }
      return value
    }
  }

  // MARK: Showing

  /// Pads text to the width.
  func pad(_ text: Text, defaultAlignment: Alignment) -> Text {
    let missing = width - text.count
    guard missing > 0 else { return text }
    let before =
      switch alignment ?? defaultAlignment {
      case .left: 0
      case .right, .afterSign: missing
      case .center: missing / 2
      }
    var buffer = TextBuffer()
    for _ in 0..<before { buffer.append(fill) }
    buffer.append(text)
    for _ in 0..<missing - before { buffer.append(fill) }
    return buffer.text
  }

  /// A sign, a prefix such as `0x` and digits, padded.
  func pad(isNegative: Bool, prefix: String = "", digits: String) -> Text {
    let signText = isNegative ? "-" : sign == UInt8(ascii: "-") ? "" : String(Character(Unicode.Scalar(sign)))
    let head = Text(signText + prefix)
    let body = Text(grouped(digits))
    if (alignment ?? .right) == .afterSign {
      var inner = self
      inner.alignment = .right
      inner.width = width - head.count
      var buffer = TextBuffer()
      buffer.append(head)
      buffer.append(inner.pad(body, defaultAlignment: .right))
      return buffer.text
    }
    var buffer = TextBuffer()
    buffer.append(head)
    buffer.append(body)
    return pad(buffer.text, defaultAlignment: .right)
  }

  /// Digits with separators between groups of three, or of four in bases other than ten.
  private func grouped(_ digits: String) -> String {
    guard let grouping else { return digits }
    let size = type.map { "xXob".utf8.contains($0) } == true ? 4 : 3
    let whole = digits.prefix { $0.isHexDigit && $0 != "e" || size == 4 }
    var result = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % size == 0 { result.append(Character(Unicode.Scalar(grouping))) }
      result.append(digit)
    }
    return result + digits.dropFirst(whole.count)
  }

  /// An integer in the base of the type.
  func format(_ value: BigInteger) throws(TemplateProblem) -> Text {
    switch type {
    case nil, UInt8(ascii: "d"), UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "n"):
      let digits = value.digits()
      guard digits.utf8.count <= BigInteger.maximumDigits else { throw BigInteger.tooManyDigits() }
      return pad(isNegative: value.isNegative, digits: minimumDigits(digits))
    case UInt8(ascii: "x"): return format(value, radix: 16, prefix: "0x")
    case UInt8(ascii: "X"): return format(value, radix: 16, prefix: "0X", uppercase: true)
    case UInt8(ascii: "o"): return format(value, radix: 8, prefix: "0o")
    case UInt8(ascii: "b"): return format(value, radix: 2, prefix: "0b")
    case UInt8(ascii: "c"):
      guard let code = value.small.flatMap({ UInt32(exactly: $0) }), let scalar = Unicode.Scalar(code) else {
        throw .failure("%c arg not in range(0x110000)")
      }
      return pad(Text(scalar), defaultAlignment: .left)
    default:
      guard value.double.isFinite else { throw .failure("int too large to convert to float") }
      return try format(value.double)
    }
  }

  private func format(_ value: BigInteger, radix: Int, prefix: String, uppercase: Bool = false) -> Text {
    let digits = value.digits(radix: radix, uppercase: uppercase)
    return pad(isNegative: value.isNegative, prefix: isAlternate ? prefix : "", digits: minimumDigits(digits))
  }

  /// `%.5d` fills with zeros; `str.format` refuses a precision for integers before it comes here.
  private func minimumDigits(_ digits: String) -> String {
    String(repeating: "0", count: max(0, (precision ?? 0) - digits.utf8.count)) + digits
  }

  /// A float in the notation of the type.
  func format(_ value: Double) throws(TemplateProblem) -> Text {
    let isNegative = value.sign == .minus && !value.isNaN
    let isUpper = type.map { (0x41...0x5A).contains($0) } ?? false
    guard value.isFinite else {
      let name = value.isNaN ? "nan" : "inf"
      var spec = self
      spec.grouping = nil
      if spec.fill == "0", spec.alignment == .afterSign { spec.fill = " " }
      return spec.pad(isNegative: isNegative, digits: (isUpper ? name.uppercased() : name) + (type == 0x25 ? "%" : ""))
    }
    let digits = try unsigned(value)
    return pad(isNegative: isNegative, digits: isUpper ? digits.uppercased() : digits)
  }

  private func unsigned(_ value: Double) throws(TemplateProblem) -> String {
    let places = precision ?? 6
    switch type.map({ $0 | 0x20 }) {
    case UInt8(ascii: "f"):
      return ExactDecimal(value).fixed(places: places) + (isAlternate && places == 0 ? "." : "")
    case UInt8(ascii: "e"):
      let (mantissa, exponent) = ExactDecimal(value).scientific(places: places)
      return mantissa + (isAlternate && places == 0 ? "." : "") + "e" + FloatText.exponent(exponent)
    case UInt8(ascii: "g"), UInt8(ascii: "n"):
      return general(value, digits: max(places, 1))
    case UInt8(ascii: "%"):
      return ExactDecimal(value * 100).fixed(places: places) + "%"
    case nil:
      guard let precision else { return FloatText.shortest(value.magnitude) }
      let text = general(value, digits: max(precision, 1), exponentFrom: max(precision, 1) - 1)
      return text.contains(".") || text.contains("e") ? text : text + ".0"
    default:
      let shown = type.map { String(Character(Unicode.Scalar($0))) } ?? ""
      throw .failure("Unknown format code '\(shown)' for object of type 'float'")
    }
  }

  /// `g`: so many significant digits, fixed or with an exponent, whichever is shorter.
  private func general(_ value: Double, digits: Int, exponentFrom limit: Int? = nil) -> String {
    let decimal = ExactDecimal(value)
    let (mantissa, exponent) = decimal.scientific(places: digits - 1)
    if exponent < -4 || exponent >= limit ?? digits {
      return trimmed(mantissa) + "e" + FloatText.exponent(exponent)
    }
    return trimmed(decimal.fixed(places: digits - 1 - exponent))
  }

  private func trimmed(_ text: String) -> String {
    guard !isAlternate, text.contains(".") else { return text }
    var text = text
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }
}
