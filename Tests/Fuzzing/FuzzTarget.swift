// SPDX-License-Identifier: Apache-2.0
// What is fuzzed: each reader of files from strangers, with its seeds. A target may throw what it likes; it must not crash,
// hang or take much memory.

import Basics

/// A reader, and what it is fed.
public struct FuzzTarget: Sendable {
  /// Its name on the command line, and of its folder in Fixtures/fuzz.
  public let name: String
  /// How its inputs are made.
  public let mutator: Mutator
  /// Valid inputs, and such that once broke something.
  public let seeds: @Sendable (_ fixtures: String) throws -> [[UInt8]]
  /// Reads an input. `scratch` is a folder for files.
  public let run: @Sendable (_ input: [UInt8], _ scratch: String) throws -> Void

  /// All targets.
  public static let all = [
    tokenizerJSON, tokenizerModel, template, config, safetensors, gguf, manifest, lockFile, archive,
  ]

  /// Every file of a folder of fixtures.
  static func files(_ folder: String) throws -> [[UInt8]] {
    guard Files.isFolder(folder) else { return [] }
    return try Files.list(folder).filter { Files.isFile("\(folder)/\($0)") }.map { try Files.read("\(folder)/\($0)") }
  }

  /// Writes an input where a reader wants a file; nothing has to reach the disk.
  static func put(_ input: [UInt8], at path: String) throws {
    if Files.isFile(path) { try Files.remove(path) }
    try OpenFile.creating(path).write(input.span, at: 0)
  }

  static let json = [
    "{", "}", "[", "]", ",", ":", "null", "true", "false", "\"\"", "\\u0000", "\\ud800", "\u{FEFF}", "\"a\":",
    "\"a\":1,",
    "//", "\n", "é", "漢", "👍🏽", "\u{0}", "1", "-", "\"",
  ]
}
