// SPDX-License-Identifier: Apache-2.0
// What a JSON document may ask of its reader, and what is wrong when it asks more.

/// Bounds for reading a document from outside.
public struct JSONLimits: Sendable {
  /// What happens to a key that an object holds twice.
  public enum DuplicateKeys: Sendable { case refused, lastWins }

  /// Deepest nesting of arrays and objects.
  public var depth: Int
  /// Longest document in bytes.
  public var byteCount: Int
  public var duplicateKeys: DuplicateKeys

  public init(depth: Int = 128, byteCount: Int = 1 << 30, duplicateKeys: DuplicateKeys = .refused) {
    self.depth = depth
    self.byteCount = byteCount
    self.duplicateKeys = duplicateKeys
  }

  /// Strict: 128 levels, 1 GiB, no duplicate keys.
  public static let standard = JSONLimits()
  /// As Python reads: of duplicate keys the last one counts.
  public static let lastKeyWins = JSONLimits(duplicateKeys: .lastWins)
}

/// Why a text is not a JSON document that can be read.
public struct JSONProblem: Problem, Equatable {
  /// The rule that was broken.
  public enum Reason: Sendable, Equatable {
    case unexpectedEnd, unexpectedCharacter, invalidNumber, invalidEscape, loneSurrogate
    case controlCharacter, invalidUTF8, trailingData
    case tooDeep(Int), tooLong(Int), duplicateKey(String)
  }

  /// The rule that was broken.
  public let reason: Reason
  /// Offset of the fault in bytes.
  public let offset: Int

  public init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  public var code: String { "json.invalid" }
  public var what: String { "invalid JSON at byte \(offset)" }
  public var status: ExitStatus { .mismatch }
  public var why: String? {
    switch reason {
    case .unexpectedEnd: "the text ends too early"
    case .unexpectedCharacter: "unexpected character"
    case .invalidNumber: "not a number"
    case .invalidEscape: "invalid escape in a string"
    case .loneSurrogate: "half of a surrogate pair in a string"
    case .controlCharacter: "control character in a string"
    case .invalidUTF8: "not valid UTF-8"
    case .trailingData: "something follows the document"
    case .tooDeep(let limit): "nested deeper than \(limit)"
    case .tooLong(let limit): "longer than \(limit) bytes"
    case .duplicateKey(let key): "the key \"\(key.prefix(64))\" appears twice"
    }
  }
}
