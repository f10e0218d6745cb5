// SPDX-License-Identifier: Apache-2.0
// Writes JSON: compact for wires, indented and sorted as Python's json.dump for config files.

/// Turns a `JSONValue` into text.
public enum JSONWriter {
  /// How the text looks.
  public struct Options: Sendable {
    /// Blanks per level; nil writes everything on one line.
    public var indent: Int?
    public var sortedKeys: Bool
    /// Writes everything beyond ASCII as `\u` escapes, as Python does by default.
    public var asciiOnly: Bool
    /// Writes `, ` and `: ` on one line, as Python does; otherwise no blanks.
    public var spaced: Bool

    public init(indent: Int? = nil, sortedKeys: Bool = false, asciiOnly: Bool = false, spaced: Bool = false) {
      self.indent = indent
      self.sortedKeys = sortedKeys
      self.asciiOnly = asciiOnly
      self.spaced = spaced
    }

    /// One line without blanks.
    public static let compact = Options()
    /// Two blanks a level, for people.
    public static let pretty = Options(indent: 2)
    /// `json.dump(…, indent=4, sort_keys=True)`: how mlx-lm writes config.json.
    public static let pythonConfig = Options(indent: 4, sortedKeys: true, asciiOnly: true)
  }

  /// The value as text, without a final line end.
  public static func string(_ value: JSONValue, options: Options = .compact) -> String {
    var output: [UInt8] = []
    write(value, options: options, level: 0, into: &output)
    return String(decoding: output, as: UTF8.self)
  }

  /// The value as UTF-8 bytes, without a final line end.
  public static func bytes(_ value: JSONValue, options: Options = .compact) -> [UInt8] {
    var output: [UInt8] = []
    write(value, options: options, level: 0, into: &output)
    return output
  }

  private static func write(_ value: JSONValue, options: Options, level: Int, into output: inout [UInt8]) {
    switch value {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let flag): output.append(contentsOf: (flag ? "true" : "false").utf8)
    case .integer(let number): output.append(contentsOf: String(number).utf8)
    case .wideInteger(let digits): output.append(contentsOf: digits.utf8)
    case .number(let number): output.append(contentsOf: text(of: number).utf8)
    case .string(let text): write(text, asciiOnly: options.asciiOnly, into: &output)
    case .array(let items):
      list(items, "[", "]", options, level, &output) { item, output in
        write(item, options: options, level: level + 1, into: &output)
      }
    case .object(let object):
      list(Array(options.sortedKeys ? object.sortedByKey : object), "{", "}", options, level, &output) {
        entry, output in
        write(entry.key, asciiOnly: options.asciiOnly, into: &output)
        output.append(contentsOf: (options.indent != nil || options.spaced ? ": " : ":").utf8)
        write(entry.value, options: options, level: level + 1, into: &output)
      }
    }
  }

  private static func list<Item>(
    _ items: [Item], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ options: Options, _ level: Int,
    _ output: inout [UInt8], body: (Item, inout [UInt8]) -> Void
  ) {
    output.append(UInt8(ascii: open))
    for (index, item) in items.enumerated() {
      if index > 0 {
        output.append(UInt8(ascii: ","))
        if options.indent == nil && options.spaced { output.append(UInt8(ascii: " ")) }
      }
      newLine(options, level + 1, &output)
      body(item, &output)
    }
    if !items.isEmpty { newLine(options, level, &output) }
    output.append(UInt8(ascii: close))
  }

  private static func newLine(_ options: Options, _ level: Int, _ output: inout [UInt8]) {
    guard let indent = options.indent else { return }
    output.append(UInt8(ascii: "\n"))
    output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * level))
  }

  /// The shortest text that reads back as the same double; JSON has no NaN, which becomes null.
  private static func text(of number: Double) -> String {
    number.isFinite ? number.description : "null"
  }

  private static func write(_ text: String, asciiOnly: Bool, into output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output.append(contentsOf: "\\\"".utf8)
      case "\\": output.append(contentsOf: "\\\\".utf8)
      case "\n": output.append(contentsOf: "\\n".utf8)
      case "\r": output.append(contentsOf: "\\r".utf8)
      case "\t": output.append(contentsOf: "\\t".utf8)
      case "\u{08}": output.append(contentsOf: "\\b".utf8)
      case "\u{0C}": output.append(contentsOf: "\\f".utf8)
      default:
        if scalar.value < 0x20 || (asciiOnly && scalar.value > 0x7E) {
          for unit in String(scalar).utf16 { unicodeEscape(unit, &output) }
        } else {
          output.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrappedBytes)
        }
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func unicodeEscape(_ unit: UInt16, _ output: inout [UInt8]) {
    let digits = String(unit, radix: 16)
    output.append(contentsOf: "\\u".utf8)
    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.count))
    output.append(contentsOf: digits.utf8)
  }
}

extension Optional where Wrapped == UTF8.EncodedScalar {
  /// Every scalar has a UTF-8 form; the encoder returns an optional only for other encodings.
  fileprivate var unsafelyUnwrappedBytes: UTF8.EncodedScalar { self ?? UTF8.encodedReplacementCharacter }
}
