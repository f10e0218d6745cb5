// SPDX-License-Identifier: Apache-2.0
// A model of the hub as a folder that takes no room: its small configuration files, and its safetensors files with
// their heads in place and holes for the data. Whatever reads names, types and shapes takes it for the model itself.

internal import Basics
internal import Checkpoints
internal import Glibc
internal import Hub
internal import Tokenizers

/// Makes such a folder.
struct ModelSketch {
  let client: HubClient
  let listing: RepoListing
  /// An existing, empty folder.
  let folder: String

  /// The heads of most files are shorter, so that one question is enough.
  private static let firstByteCount = 128 << 10
  /// Questions at a time.
  private static let width = 8
  /// No configuration, and hardly a tokenizer, is larger: those of 256 thousand tokens have half of it.
  private static let limit = 64 << 20

  /// Fetches configuration and heads of these files, and lays out the folder.
  /// - Parameter drawsTokenizer: fetches the tokenizer too. One that is too large or cannot be had is left out.
  /// - Throws: `HubProblem`, `CheckpointProblem` for a head that cannot be one, `FileProblem`.
  func draw(_ files: [RepoFile], drawsTokenizer: Bool) async throws {
    let wanted = files.filter { Self.isConfiguration($0.path) || Self.isWeights($0.path) }
    let tokenizer = drawsTokenizer ? Self.tokenizer(of: files) : []
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, file) in (tokenizer + wanted).enumerated() {
        if number >= Self.width { try await group.next() }
        group.addTask {
          guard number < tokenizer.count else { return try await draw(file) }
          do { try await draw(file) } catch is HubProblem { if Task.isCancelled { throw HubProblem.cancelled } }
        }
      }
      try await group.waitForAll()
    }
  }

  /// The files that opening a tokenizer reads.
  private static func tokenizer(of files: [RepoFile]) -> [RepoFile] {
    let names = files.map(\.path.description)
    guard let name = Tokenizer.file(among: names) else { return [] }
    return files.filter { [name, "tokenizer_config.json"].contains($0.path.description) && $0.byteCount <= limit }
  }

  private static func isWeights(_ path: RepoPath) -> Bool { path.name.hasSuffix(".safetensors") }

  /// The files that opening a model reads beside its weights.
  private static func isConfiguration(_ path: RepoPath) -> Bool {
    let parts = path.description.split(separator: "/")
    if parts.count == 2 { return parts[1] == "config.json" }
    return [
      "config.json", "generation_config.json", "modules.json", "sentence_bert_config.json",
      "config_sentence_transformers.json", ShardIndex.fileName,
    ].contains(path.description)
  }

  private func draw(_ file: RepoFile) async throws {
    let isWeights = Self.isWeights(file.path)
    let bytes =
      isWeights ? try await head(of: file) : try await client.content(of: file, in: listing, limit: Self.limit)
    let path = "\(folder)/\(file.path)"
    try Files.makeFolders(Files.parent(of: path))
    let target = try OpenFile.creating(path)
    try target.write(bytes.span)
    if isWeights { try target.truncate(to: file.byteCount) }
  }

  /// A safetensors file up to its data.
  private func head(of file: RepoFile) async throws -> [UInt8] {
    let first = try await client.beginning(of: file, in: listing, byteCount: Self.firstByteCount)
    guard first.count >= 8 else { return first }
    let length = first[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    // What is no head is left to the reader, which says what is wrong with it.
    guard length <= 100 << 20, Int(length) + 8 > first.count, Int(length) + 8 <= file.byteCount else { return first }
    return try await client.beginning(of: file, in: listing, byteCount: Int(length) + 8)
  }
}
