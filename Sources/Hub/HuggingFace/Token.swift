// SPDX-License-Identifier: Apache-2.0
// An access token that cannot print itself.

internal import Basics

/// A token for the hub, with the place it came from. Its text shows in no description.
public struct Token: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  /// Where it came from, e.g. `HF_TOKEN` or a file's path.
  public let source: String
  private let text: String

  /// Strips surrounding blanks; nil when nothing is left.
  /// - Throws: `HubProblem.invalidSetting` for characters that cannot stand in a header.
  public init?(_ text: String, source: String) throws(HubProblem) {
    let text = text.trimmingBlanks
    if text.isEmpty { return nil }
    guard text.utf8.count <= 4096, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .invalidSetting(name: "the token from \(source)", why: "it holds characters that no token has")
    }
    self.text = text
    self.source = source
  }

  /// The value of the `Authorization` header.
  var authorization: String { "Bearer \(text)" }

  public var description: String { "token from \(source)" }
  /// Only the source, so that dumps do not show the text either.
  public var customMirror: Mirror { Mirror(self, children: ["source": source]) }

  /// The token the hub's clients would use: `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, then the file at
  /// `HF_TOKEN_PATH` (default `HF_HOME/token`); none when `HF_HUB_DISABLE_IMPLICIT_TOKEN` is on.
  static func implicit(_ environment: HubEnvironment) throws(HubProblem) -> Token? {
    if environment.isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") { return nil }
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
      if let value = environment[name], let token = try Token(value, source: name) { return token }
    }
    guard let path = environment.tokenPath, Files.isFile(path) else { return nil }
    do {
      return try Token(String(decoding: try Files.read(path, limit: 64 << 10), as: UTF8.self), source: path)
    } catch let problem as FileProblem {
      throw .file(problem)
    } catch let problem as HubProblem {
      throw problem
    } catch {
      return nil
    }
  }
}

/// The environment as the hub's clients read it.
struct HubEnvironment {
  private let values: [String: String]

  init(_ values: [String: String]) { self.values = values }

  /// The value, nil also when it is empty.
  subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

  /// Whether the value is one of 1, ON, YES, TRUE in any case.
  func isOn(_ name: String) -> Bool { ["1", "ON", "YES", "TRUE"].contains(values[name]?.uppercased() ?? "") }

  /// A time in seconds.
  func seconds(_ name: String) -> Duration? {
    self[name].flatMap { Double($0) }.flatMap { $0 > 0 && $0 < 86400 ? .seconds($0) : nil }
  }

  /// The folder of the hub's own state: `HF_HOME`, `XDG_CACHE_HOME/huggingface`, `~/.cache/huggingface`.
  var home: String? {
    if let path = self["HF_HOME"] { return expanded(path) }
    if let path = self["XDG_CACHE_HOME"] { return expanded(path) + "/huggingface" }
    return self["HOME"].map { $0 + "/.cache/huggingface" }
  }

  /// Where the token file is.
  var tokenPath: String? { self["HF_TOKEN_PATH"].map { expanded($0) } ?? home.map { $0 + "/token" } }

  /// `~` and `$NAME` or `${NAME}` replaced; unknown variables stay as they are, as in Python.
  func expanded(_ path: String) -> String {
    var rest = Substring(path)
    var output = ""
    if rest == "~" || rest.hasPrefix("~/"), let home = self["HOME"] {
      output = home
      rest = rest.dropFirst()
    }
    while let dollar = rest.firstIndex(of: "$") {
      output += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      let isBraced = rest.first == "{"
      let inner = isBraced ? rest.dropFirst() : rest
      let name = inner.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      let isClosed = !isBraced || inner[name.endIndex...].first == "}"
      guard !name.isEmpty, isClosed, let value = values[String(name)] else {
        output += "$"
        continue
      }
      output += value
      rest = inner[name.endIndex...].dropFirst(isBraced ? 1 : 0)
    }
    return output + rest
  }
}
