// SPDX-License-Identifier: Apache-2.0
// A registry's own words about a failure: `{"errors":[{"code":"…","message":"…","detail":…}]}`.

internal import Basics
internal import Hub

/// Reads error bodies.
enum RegistryMessage {
  /// The first error's code, such as `MANIFEST_UNKNOWN`.
  static func code(_ response: Response) -> String? { first(response)?["code"]?.stringValue }

  /// One short line without control characters.
  static func text(_ response: Response) -> String {
    guard let error = first(response) else { return ServerMessage.text(response) }
    let words = [error["code"]?.stringValue, error["message"]?.stringValue].compactMap { $0 }
    return ServerMessage.tidy(words.joined(separator: ": "))
  }

  private static func first(_ response: Response) -> JSONValue? {
    (try? JSONReader.parse(response.body, limits: .lastKeyWins))?["errors"]?.arrayValue?.first
  }
}
