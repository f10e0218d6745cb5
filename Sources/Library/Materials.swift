// SPDX-License-Identifier: Apache-2.0
// Files beside every store that models were made of: GGUF files, adapters, folders of other programs. A recipe that needs
// them is carried out again with those that have the recorded SHA-256.

internal import Basics
internal import Models
internal import Store

/// Files that somebody has pointed at, by their contents.
public struct Materials: Sendable {
  /// Paths of the files, of each content those that have it.
  private let places: [Digest: [String]]

  /// None.
  public init() { places = [:] }

  /// Reads files, and the files right in folders. Blocks its thread: every byte is hashed.
  public init(paths: [String]) throws {
    var places: [Digest: [String]] = [:]
    for path in paths {
      guard Files.kind(path) != nil else { throw FileProblem.notFound(path: path) }
      let names =
        Files.isFolder(path) ? try Files.list(path).filter { !$0.hasPrefix(".") }.map { "\(path)/\($0)" } : [path]
      for name in names where Files.isFile(name) { places[try Digest.ofFile(name), default: []].append(name) }
    }
    self.places = places
  }

  /// A file of this content.
  func file(_ digest: Digest) -> String? { places[digest]?.first }

  /// A folder with files of these names and contents.
  func folder(holding files: [Provenance.Input]) -> String? {
    guard let first = files.first else { return nil }
    return places[first.digest, default: []].map { Files.parent(of: $0) }.first { folder in
      files.allSatisfy { places[$0.digest, default: []].contains("\(folder)/\($0.path)") }
    }
  }
}

/// How a provenance names the files of adapters among what a model is made of: `adapter/FILE`, of further ones
/// `adapter-2/FILE` and so on.
enum AdapterInputs {
  /// What a file of an adapter is called; the first one has number 0.
  private static func path(_ file: String, of number: Int) -> String {
    number == 0 ? "adapter/\(file)" : "adapter-\(number + 1)/\(file)"
  }

  /// The files of adapters, in their order.
  static func all(of adapters: [Adapter]) throws -> [Provenance.Input] {
    try adapters.enumerated().flatMap { number, adapter in
      try adapter.files.map {
        Provenance.Input(path: path($0, of: number), digest: try Digest.ofFile("\(adapter.folder)/\($0)"))
      }
    }
  }

  /// The number and the file that a path means; nil for a file of the base.
  private static func parts(_ path: String) -> (number: Int, file: String)? {
    let halves = path.split(separator: "/", maxSplits: 1).map(String.init)
    guard halves.count == 2 else { return nil }
    if halves[0] == "adapter" { return (0, halves[1]) }
    guard halves[0].hasPrefix("adapter-"), let number = Int(halves[0].dropFirst("adapter-".count)), number > 1 else {
      return nil
    }
    return (number - 1, halves[1])
  }

  /// Whether a path means a file of an adapter.
  static func isOne(_ path: String) -> Bool { parts(path) != nil }

  /// The inputs without the adapters' files.
  static func base(_ inputs: [Provenance.Input]) -> [Provenance.Input] { inputs.filter { !isOne($0.path) } }

  /// The files of every adapter, in their order.
  static func adapters(_ inputs: [Provenance.Input]) -> [[Provenance.Input]] {
    var adapters: [Int: [Provenance.Input]] = [:]
    for input in inputs {
      guard let (number, file) = parts(input.path) else { continue }
      adapters[number, default: []].append(Provenance.Input(path: file, digest: input.digest))
    }
    return adapters.sorted { $0.key < $1.key }.map(\.value)
  }
}
