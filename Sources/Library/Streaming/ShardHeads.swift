// SPDX-License-Identifier: Apache-2.0
// A model's folder without its weights' bytes: small files as links, and of each shard only the head, at the front of a
// file in memory that is as long as the shard and otherwise a hole. Everything that plans by names, types and shapes
// reads it as any folder.

internal import Basics
internal import Hub

/// The folder, and the heads of its shards.
final class ShardHeads: Sendable {
  /// Path of the folder.
  let folder: String
  /// The bytes before the first tensor, by the shard's name.
  let heads: [String: [UInt8]]
  /// Files in memory; they are there as long as somebody holds them.
  private let holes: [AnonymousFile]

  /// Largest head of a safetensors file.
  private static let headLimit = 100_000_000

  /// - Parameters:
  ///   - files: contents that are here, by path.
  ///   - heads: of the shards that are not.
  init(folder: String, files: [(path: String, content: String)], heads: [(file: RepoFile, head: [UInt8])]) throws {
    for (path, content) in files {
      try Files.makeFolders(Files.parent(of: "\(folder)/\(path)"))
      try Files.link("\(folder)/\(path)", to: content)
    }
    var holes: [AnonymousFile] = []
    var known: [String: [UInt8]] = [:]
    for (file, head) in heads {
      let hole = try AnonymousFile(folder: folder)
      try hole.write(head, byteCount: file.byteCount)
      try Files.link("\(folder)/\(file.path)", to: hole.path)
      holes.append(hole)
      known[file.path.description] = head
    }
    for (path, content) in files where path.hasSuffix(".safetensors") {
      known[path] = try Self.head(ofFile: content)
    }
    self.folder = folder
    self.heads = known
    self.holes = holes
  }

  /// Bytes of the head of a shard, by its first eight.
  static func byteCount(_ start: [UInt8], of path: String, byteCount: Int) throws -> Int {
    guard start.count >= 8 else {
      throw HubProblem.wrongBytes(path: path, why: "it is shorter than any safetensors file")
    }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(start[$1]) << (8 * UInt64($1)) }
    guard length <= UInt64(headLimit), Int(length) <= byteCount - 8 else {
      throw HubProblem.wrongBytes(path: path, why: "it does not begin as a safetensors file")
    }
    return 8 + Int(length)
  }

  private static func head(ofFile path: String) throws -> [UInt8] {
    let file = try OpenFile.reading(path)
    var start = [UInt8](repeating: 0, count: 8)
    let count = try file.read(into: &start, at: 0)
    let length = try byteCount(Array(start[..<count]), of: Files.name(of: path), byteCount: try file.byteCount())
    var head = [UInt8](repeating: 0, count: length)
    guard try file.read(into: &head, at: 0) == length else {
      throw FileProblem.wrongKind(path: path, expected: "as long as it was")
    }
    return head
  }
}
