// SPDX-License-Identifier: Apache-2.0
// Colour where a person looks and has not declined it (no-color.org, TERM=dumb, FORCE_COLOR).

import Glibc

/// Wraps text in terminal colours, or leaves it alone.
struct Style {
  let isOn: Bool

  init(for output: Output, environment: (String) -> String? = Environment.value) {
    if let force = environment("FORCE_COLOR"), !force.isEmpty, force != "0" {
      isOn = true
    } else if let no = environment("NO_COLOR"), !no.isEmpty {
      isOn = false
    } else {
      isOn = output.isTerminal && environment("TERM") != "dumb"
    }
  }

  func bold(_ text: String) -> String { wrap(text, 1) }
  func dim(_ text: String) -> String { wrap(text, 2) }
  func red(_ text: String) -> String { wrap(text, 31) }
  func green(_ text: String) -> String { wrap(text, 32) }
  func yellow(_ text: String) -> String { wrap(text, 33) }

  private func wrap(_ text: String, _ code: Int) -> String {
    isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

extension String {
  /// The text without control characters: what files and servers say must not steer a terminal.
  var harmless: String {
    guard unicodeScalars.contains(where: { Self.isControl($0) }) else { return self }
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars { text.append(Self.isControl(scalar) ? "\u{FFFD}" : scalar) }
    return String(text)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0A, 0x09: false
    // C0, delete, C1, and the marks that turn the writing direction.
    case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

/// The process environment.
enum Environment {
  /// One variable; nil when it is not set.
  @Sendable static func value(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Where small files may lie for a moment.
  static var scratchFolder: String { value("TMPDIR").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp" }

  /// All variables.
  static var all: [String: String] {
    var result: [String: String] = [:]
    var entry: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
    while let text = entry?.pointee {
      let pair = String(cString: text)
      if let equals = pair.firstIndex(of: "=") {
        result[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
      }
      entry = entry?.successor()
    }
    return result
  }
}
