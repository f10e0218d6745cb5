// SPDX-License-Identifier: Apache-2.0
// A folder for one test, gone when the test ends.

import Basics

/// A fresh folder below the system's temporary folder, removed with the value.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init(_ name: String = "impetus-test") throws {
    path = "/tmp/\(name)-\(Files.uniqueSuffix())"
    try Files.makeFolders(path)
  }

  deinit { try? Files.removeTree(path) }

  /// Writes a file below the folder and returns its path.
  @discardableResult
  public func write(_ bytes: [UInt8], to relative: String) throws -> String {
    let target = "\(path)/\(relative)"
    try Files.makeFolders(Files.parent(of: target))
    try AtomicFile.write(bytes, to: target)
    return target
  }

  @discardableResult
  public func write(_ text: String, to relative: String) throws -> String {
    try write(Array(text.utf8), to: relative)
  }
}
