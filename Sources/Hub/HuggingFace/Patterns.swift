// SPDX-License-Identifier: Apache-2.0
// File patterns as the hub's Python client has them: fnmatch on the whole path, case-sensitive,
// `*` crosses `/`, a pattern that ends with `/` means everything below.

/// One shell-like pattern.
public struct FilePattern: Sendable, Hashable {
  private enum Part: Sendable, Hashable {
    case character(Unicode.Scalar)
    case any
    case run
    case oneOf([ClosedRange<UInt32>], negated: Bool)
  }

  /// The pattern as it was written.
  public let text: String
  private let parts: [Part]

  /// Any text is a pattern; an unclosed `[` stands for itself.
  public init(_ text: String) {
    self.text = text
    let normal = (text.hasSuffix("/") ? text + "*" : text).unicodeScalars.map { $0 == "\\" ? "/" : $0 }
    var parts: [Part] = []
    var index = 0
    while index < normal.count {
      let scalar = normal[index]
      index += 1
      switch scalar {
      case "*": if parts.last != .run { parts.append(.run) }
      case "?": parts.append(.any)
      case "[":
        if let (part, next) = Self.set(normal, from: index) {
          parts.append(part)
          index = next
        } else {
          parts.append(.character(scalar))
        }
      default: parts.append(.character(scalar))
      }
    }
    self.parts = parts
  }

  /// The set after a `[`, and the index after its `]`; a `]` in the first place belongs to the set.
  private static func set(_ text: [Unicode.Scalar], from start: Int) -> (Part, Int)? {
    var first = start
    let negated = first < text.count && text[first] == "!"
    if negated { first += 1 }
    guard first < text.count, let end = text[min(first + 1, text.count)...].firstIndex(of: "]") else { return nil }
    var ranges: [ClosedRange<UInt32>] = []
    var index = first
    while index < end {
      let low = text[index].value
      if index + 2 < end, text[index + 1] == "-" {
        let high = text[index + 2].value
        if low <= high { ranges.append(low...high) }
        index += 3
      } else {
        ranges.append(low...low)
        index += 1
      }
    }
    return (.oneOf(ranges, negated: negated), end + 1)
  }

  /// Whether the whole of `path` matches. Linear backtracking: only the last `*` is ever reconsidered.
  public func matches(_ path: String) -> Bool {
    let scalars = Array(path.unicodeScalars)
    var part = 0
    var place = 0
    var lastRun: (part: Int, place: Int)?
    while place < scalars.count {
      if part < parts.count, parts[part] == .run {
        lastRun = (part, place)
        part += 1
      } else if part < parts.count, fits(parts[part], scalars[place]) {
        part += 1
        place += 1
      } else if let run = lastRun {
        lastRun = (run.part, run.place + 1)
        part = run.part + 1
        place = run.place + 1
      } else {
        return false
      }
    }
    while part < parts.count, parts[part] == .run { part += 1 }
    return part == parts.count
  }

  private func fits(_ part: Part, _ scalar: Unicode.Scalar) -> Bool {
    switch part {
    case .character(let wanted): wanted == scalar
    case .any: true
    case .run: false
    case .oneOf(let ranges, let negated): ranges.contains { $0.contains(scalar.value) } != negated
    }
  }
}
