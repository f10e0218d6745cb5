// SPDX-License-Identifier: Apache-2.0
// What models are called: ORG/NAME[:VARIANT] for those from a hub, NAME[:VARIANT] for one's own.

public import Basics

/// The full name of a model in the store.
public struct Reference: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The part before the slash; nil for a name of one's own.
  public let organization: String?
  /// The model's name.
  public let name: String
  /// Which of its forms: `main` as its authors published it, `q4` and the like for what was made of it.
  public let variant: String

  /// The variant of a model as it was published.
  public static let mainVariant = "main"
  /// Stands for no organization in paths.
  static let localFolder = "local"
  private static let lengthLimit = 96

  /// - Throws: `StoreProblem.invalidName` when a part cannot be a name.
  public init(organization: String? = nil, name: String, variant: String = mainVariant) throws(StoreProblem) {
    for part in [organization ?? "x", name, variant] where !Self.isName(part) {
      throw .invalidName(part)
    }
    self.organization = organization == Self.localFolder ? nil : organization
    self.name = name
    self.variant = variant
  }

  /// Letters, digits, `.`, `_` and `-`, beginning with none of the last two; `.` never first or last.
  static func isName(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard (1...lengthLimit).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
    func isPlain(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return isPlain(first) && last != UInt8(ascii: ".")
      && bytes.allSatisfy { isPlain($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
  }

  /// `ORG/NAME` or `NAME`.
  public var model: String { organization.map { "\($0)/\(name)" } ?? name }
  /// The shortest text that names it for certain.
  public var description: String { variant == Self.mainVariant ? model : "\(model):\(variant)" }
  /// With the variant, also when it is `main`.
  public var full: String { "\(model):\(variant)" }

  /// Below `refs` and `snapshots`.
  var folder: String { "\(organization ?? Self.localFolder)/\(name)" }

  public static func < (one: Reference, other: Reference) -> Bool {
    one.full.utf8.lexicographicallyPrecedes(other.full.utf8)
  }
}

/// A name as somebody types it: parts may be left out, and a version may be asked for.
public struct ReferenceQuery: Sendable, Equatable {
  /// What a version is pinned to.
  public enum Pin: Sendable, Equatable {
    /// Beginning of the source's commit, 7 to 40 hex digits.
    case commit(String)
    /// The manifest's digest.
    case digest(Digest)
  }

  /// The part before the slash.
  public let organization: String?
  /// The name, or the beginning of it.
  public let name: String
  /// The variant when one was given.
  public let variant: String?
  /// The version that it has to be.
  public let pin: Pin?

  /// Reads `[ORG/]NAME[:VARIANT][@COMMIT|@sha256:…]`.
  /// - Throws: `StoreProblem.invalidName`.
  public init(_ text: String) throws(StoreProblem) {
    var rest = Substring(text)
    if let at = rest.firstIndex(of: "@") {
      let pinned = String(rest[rest.index(after: at)...])
      rest = rest[..<at]
      if let digest = Digest(pinned) {
        pin = .digest(digest)
      } else if (7...40).contains(pinned.utf8.count), Hex.isLowercase(pinned, count: pinned.utf8.count) {
        pin = .commit(pinned)
      } else {
        throw .invalidName(text)
      }
    } else {
      pin = nil
    }
    if let colon = rest.firstIndex(of: ":") {
      variant = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    } else {
      variant = nil
    }
    if let slash = rest.firstIndex(of: "/") {
      let organization = String(rest[..<slash])
      self.organization = organization
      rest = rest[rest.index(after: slash)...]
    } else {
      organization = nil
    }
    name = String(rest)
    for part in [organization ?? "x", name, variant ?? "x"] where !Reference.isName(part) {
      throw .invalidName(text)
    }
  }

  /// Whether it could mean this reference, its name whole or only begun.
  func matches(_ reference: Reference, isPrefix: Bool) -> Bool {
    if let organization, organization.lowercased() != (reference.organization ?? Reference.localFolder).lowercased() {
      return false
    }
    if let variant, variant != reference.variant { return false }
    let (wanted, name) = (self.name.lowercased(), reference.name.lowercased())
    return isPrefix ? name.hasPrefix(wanted) : name == wanted
  }
}
