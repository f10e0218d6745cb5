// SPDX-License-Identifier: Apache-2.0
// Where test data lies: the repository's Fixtures folder, found from this file's own place.

public import Basics

/// Test data of the repository.
public enum Fixtures {
  /// The repository's top folder.
  public static let root: String = {
    var path = #filePath
    for _ in 0..<3 { path = Files.parent(of: path) }
    return path
  }()

  /// Path of a file or folder below `Fixtures/`.
  public static func url(_ relative: String) -> String { "\(root)/Fixtures/\(relative)" }

  /// Path of anything below the project's folder.
  public static func project(_ relative: String) -> String { "\(root)/\(relative)" }

  /// The bytes of a fixture.
  public static func bytes(_ relative: String) throws -> [UInt8] { try Files.read(url(relative)) }

  /// A fixture as text.
  public static func text(_ relative: String) throws -> String {
    String(decoding: try bytes(relative), as: UTF8.self)
  }

  /// The documents of a JSON lines fixture.
  public static func jsonLines(_ relative: String) throws -> [JSONValue] {
    try bytes(relative).split(separator: UInt8(ascii: "\n")).map { try JSONReader.parse(Array($0)) }
  }
}
