// SPDX-License-Identifier: Apache-2.0
// markupsafe's escape and striptags, and URL quoting.

/// HTML and URL texts.
enum HTML {
  /// Text with `& < > ' "` replaced by entities; markup stays as it is.
  static func escaped(_ text: Text) -> Text {
    if text.isMarkup { return text }
    var buffer = TextBuffer()
    buffer.bytes.reserveCapacity(text.bytes.count)
    for byte in text.bytes {
      switch byte {
      case UInt8(ascii: "&"): buffer.append("&amp;")
      case UInt8(ascii: "<"): buffer.append("&lt;")
      case UInt8(ascii: ">"): buffer.append("&gt;")
      case UInt8(ascii: "'"): buffer.append("&#39;")
      case UInt8(ascii: "\""): buffer.append("&#34;")
      default: buffer.appendByte(byte)
      }
    }
    return buffer.text.marked(true)
  }

  /// Text without comments and tags, its white space collapsed, entities resolved.
  static func withoutTags(_ text: Text) -> Text {
    let plain = removing(from: "<", to: ">", in: removing(from: "<!--", to: "-->", in: text))
    var buffer = TextBuffer()
    for (index, word) in plain.splitAtSpace(atMost: .max).enumerated() {
      if index > 0 { buffer.append(" ") }
      buffer.append(word)
    }
    return unescaped(buffer.text)
  }

  /// Removes every part from an opening to the first closing after its start. Removing may join
  /// text into a new opening, which counts too: what is kept is looked at again.
  private static func removing(from open: Text, to close: Text, in text: Text) -> Text {
    var kept: [UInt8] = []
    var offset = 0
    while offset < text.bytes.count {
      kept.append(text.bytes[offset])
      offset += 1
      guard kept.count >= open.bytes.count, kept.suffix(open.bytes.count).elementsEqual(open.bytes) else { continue }
      // The closing may share characters with the opening, as in `<!-->`.
      let back = min(open.bytes.count, close.bytes.count) - 1
      let joined = Text(bytes: Array(kept.suffix(back)), count: 0)
      var search = offset
      if back > 0, let early = overlap(joined, text, offset, close) { search = early - close.bytes.count }
      guard let end = search < offset ? search : text.firstOffset(of: close, in: offset..<text.bytes.count) else {
        break
      }
      kept.removeLast(open.bytes.count)
      offset = end + close.bytes.count
    }
    if offset < text.bytes.count { kept += text.bytes[offset...] }
    return Text(utf8: kept)
  }

  /// The offset after a closing that starts within the opening just read.
  private static func overlap(_ tail: Text, _ text: Text, _ offset: Int, _ close: Text) -> Int? {
    for shared in (1...tail.bytes.count).reversed() {
      let rest = close.bytes.count - shared
      guard offset + rest <= text.bytes.count, tail.bytes.suffix(shared).elementsEqual(close.bytes.prefix(shared)),
        text.bytes[offset..<offset + rest].elementsEqual(close.bytes.suffix(rest))
      else { continue }
      return offset + rest
    }
    return nil
  }

  /// Text with entities resolved: numbers, and the few names that escaping and plain text use.
  static func unescaped(_ text: Text) -> Text {
    guard text.bytes.contains(UInt8(ascii: "&")) else { return text.marked(false) }
    var buffer = TextBuffer()
    var offset = 0
    while offset < text.bytes.count {
      if text.bytes[offset] == UInt8(ascii: "&"), let (scalar, end) = entity(text, at: offset + 1) {
        buffer.append(scalar)
        offset = end
      } else {
        buffer.appendByte(text.bytes[offset])
        offset += 1
      }
    }
    return buffer.text
  }

  private static let names: [String: Unicode.Scalar] = [
    "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "copy": "©", "reg": "®",
    "laquo": "«", "raquo": "»", "hellip": "…", "mdash": "—", "ndash": "–", "lsquo": "‘", "rsquo": "’",
    "ldquo": "“", "rdquo": "”", "bull": "•", "middot": "·", "times": "×", "deg": "°", "euro": "€",
  ]

  private static func entity(_ text: Text, at start: Int) -> (scalar: Unicode.Scalar, end: Int)? {
    let window = text.bytes[start..<min(start + 12, text.bytes.count)]
    guard let semicolon = window.firstIndex(of: UInt8(ascii: ";")) else { return nil }
    let name = String(decoding: text.bytes[start..<semicolon], as: UTF8.self)
    if let scalar = names[name] { return (scalar, semicolon + 1) }
    guard name.hasPrefix("#") else { return nil }
    let isHex = name.dropFirst().first == "x" || name.dropFirst().first == "X"
    guard let value = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10) else { return nil }
    return (Unicode.Scalar(value == 0 ? 0xFFFD : value) ?? "\u{FFFD}", semicolon + 1)
  }

  /// Percent-encoding; in queries a space is `+` and a slash is encoded.
  static func urlQuoted(_ text: Text, inQuery: Bool) -> Text {
    var buffer = TextBuffer()
    for byte in text.bytes {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        buffer.appendByte(byte)
      case UInt8(ascii: "/") where !inQuery: buffer.appendByte(byte)
      case UInt8(ascii: " ") where inQuery: buffer.append("+")
      default:
        buffer.append("%" + Quoting.hex(UInt32(byte), 2).uppercased())
      }
    }
    return buffer.text
  }
}
