// SPDX-License-Identifier: Apache-2.0
// The hub's names as checked types. Whatever becomes part of a path or a URL passes through here
// first: listings and headers come from outside.

internal import Basics

/// A repository: `ORG/NAME`, or one of the old names without an organisation.
public struct RepoID: Sendable, Hashable, CustomStringConvertible {
  /// The organisation or user; nil for the old short names such as `gpt2`.
  public let owner: String?
  /// The model's own name.
  public let name: String

  /// Checks the hub's rules: letters, digits, `-`, `_`, `.`; at most 96 characters a part.
  public init(_ text: String) throws(HubProblem) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count) else { throw Self.problem(text, "expected ORG/NAME") }
    for part in parts {
      if let fault = Self.fault(part) { throw Self.problem(text, fault) }
    }
    owner = parts.count == 2 ? parts[0] : nil
    name = parts[parts.count - 1]
  }

  private static func problem(_ text: String, _ why: String) -> HubProblem {
    .invalidName(kind: "model of the hub", text: text, why: why)
  }

  private static func fault(_ part: String) -> String? {
    let bytes = part.utf8
    if bytes.isEmpty { return "a part is empty" }
    if bytes.count > 96 { return "a part is longer than 96 characters" }
    guard bytes.allSatisfy({ $0.isLetterOrDigit || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }) else {
      return "only letters, digits, '-', '_' and '.' are allowed"
    }
    if part.contains("..") || part.contains("--") { return "\"..\" and \"--\" are not allowed" }
    let ends = [part.first, part.last]
    if ends.contains("-") || ends.contains(".") { return "'-' and '.' may not be at an end" }
    return part.hasSuffix(".git") ? "it may not end with .git" : nil
  }

  public var description: String { owner.map { "\($0)/\(name)" } ?? name }
}

extension UInt8 {
  fileprivate var isLetterOrDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
  }
}

/// A branch, tag, commit or `refs/pr/N`, as a user writes it.
public struct Revision: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// The default branch.
  public static let main = Revision(checked: "main")

  private init(checked: String) { description = checked }

  /// Git's rules as far as they keep it harmless: no blanks, controls, `..`, or `\ ~ ^ : ? * [`.
  public init(_ text: String) throws(HubProblem) {
    let forbidden = Array("\\~^:?*[ \u{7F}".utf8)
    guard !text.isEmpty, text.utf8.count <= 255, text.utf8.allSatisfy({ $0 > 0x20 && !forbidden.contains($0) }),
      !text.contains(".."), !text.hasPrefix("/"), !text.hasSuffix("/"), !text.hasPrefix("-"), !text.contains("//")
    else { throw .invalidName(kind: "revision", text: text, why: "expected a branch, a tag or a commit") }
    description = text
  }

  /// The commit, when this is all 40 digits of one: then nothing needs to be resolved.
  public var commit: CommitID? { CommitID(description) }
}

/// A commit: 40 lower-case hex digits.
public struct CommitID: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// Accepts exactly 40 lower-case hex digits.
  public init?(_ text: String) {
    guard Hex.isLowercase(text, count: 40) else { return nil }
    description = text
  }

  /// The first eight digits, for people.
  public var short: String { String(description.prefix(8)) }
}

/// A git object: 40 lower-case hex digits.
public struct GitObjectID: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// Accepts exactly 40 lower-case hex digits.
  public init?(_ text: String) {
    guard Hex.isLowercase(text, count: 40) else { return nil }
    description = text
  }
}

/// A file's place in a repository: relative, with `/`, and safe to append to a folder.
public struct RepoPath: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// Refuses what could lead out of a folder or mean different files to different systems: absolute
  /// paths, empty, `.` and `..` parts, backslashes, drive letters, control characters, parts above
  /// 255 bytes.
  public init(_ text: String) throws(HubProblem) {
    func refuse(_ why: String) -> HubProblem { .invalidName(kind: "file path", text: text, why: why) }
    guard !text.isEmpty, text.utf8.count <= 1024 else { throw refuse("it is empty or longer than 1024 bytes") }
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != 0x5C }) else {
      throw refuse("control characters and backslashes are not allowed")
    }
    for part in text.split(separator: "/", omittingEmptySubsequences: false) {
      guard !part.isEmpty, part != ".", part != "..", part.utf8.count <= 255 else {
        throw refuse("a part is empty, \".\", \"..\" or longer than 255 bytes")
      }
    }
    let start = Array(text.utf8.prefix(2))
    guard !(start.count == 2 && start[1] == 0x3A && start[0].isLetterOrDigit) else {
      throw refuse("it begins like a drive")
    }
    description = text
  }

  /// The last part.
  public var name: String { Files.name(of: description) }
  /// Whether it lies in the repository's top folder.
  public var isTopLevel: Bool { !description.utf8.contains(UInt8(ascii: "/")) }
  /// For URLs: each part percent-encoded, `/` kept.
  var encoded: String {
    description.split(separator: "/").map { WebAddress.segment(String($0)) }.joined(separator: "/")
  }
}
