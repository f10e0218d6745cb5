// SPDX-License-Identifier: Apache-2.0
// What a registry's 401 asks for: `WWW-Authenticate: Bearer realm="…",service="…",scope="…"` or `Basic realm="…"`.

internal import Hub

/// One way to prove who one is (RFC 9110, 11.6.1).
struct Challenge: Equatable {
  /// In lower case: `bearer`, `basic`.
  let scheme: String
  /// Names in lower case.
  let parameters: [String: String]

  /// All challenges of an answer.
  static func all(_ head: ResponseHead) -> [Challenge] { head.values("www-authenticate").flatMap { parse($0) } }

  /// Several challenges may stand in one header, and commas are between parameters too.
  static func parse(_ text: String) -> [Challenge] {
    var found: [Challenge] = []
    var rest = Substring(text.prefix(8192))
    var scheme: String?
    var parameters: [String: String] = [:]
    while true {
      rest = rest.drop { $0 == " " || $0 == "," || $0 == "\t" }
      if rest.isEmpty { break }
      let word = rest.prefix { !" ,=\t\"".contains($0) }
      rest = rest.dropFirst(word.count)
      let after = rest.drop { $0 == " " || $0 == "\t" }
      if after.first == "=", !word.isEmpty {
        rest = after.dropFirst()
        parameters[word.lowercased()] = value(&rest)
      } else if word.isEmpty {
        rest = rest.dropFirst()
      } else {
        if let scheme { found.append(Challenge(scheme: scheme, parameters: parameters)) }
        (scheme, parameters) = (word.lowercased(), [:])
      }
    }
    if let scheme { found.append(Challenge(scheme: scheme, parameters: parameters)) }
    return found
  }

  private static func value(_ rest: inout Substring) -> String {
    rest = rest.drop { $0 == " " || $0 == "\t" }
    guard rest.first == "\"" else {
      let word = rest.prefix { !", \t".contains($0) }
      rest = rest.dropFirst(word.count)
      return String(word)
    }
    rest = rest.dropFirst()
    var output = ""
    while let next = rest.popFirst(), next != "\"" {
      if next == "\\", let escaped = rest.popFirst() { output.append(escaped) } else { output.append(next) }
    }
    return output
  }
}
