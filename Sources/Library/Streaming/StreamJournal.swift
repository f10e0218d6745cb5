// SPDX-License-Identifier: Apache-2.0
// How far a streamed quantization is, noted beside its unfinished result, always after the result was flushed: a process
// that goes on fetches only what comes after it.

internal import Basics
internal import Store

/// The state of every shard of the source.
struct StreamJournal: Sendable, Equatable {
  /// One shard.
  enum Progress: Sendable, Equatable {
    /// Bytes up to here are in the result, and the hash has seen them.
    case reached(Int, hash: SHA256)
    /// All of it, and its hash was the promised one.
    case verified(Digest)

    static func == (one: Self, other: Self) -> Bool { one.json == other.json }

    var json: JSONValue {
      switch self {
      case .reached(let position, let hash): ["position": JSONValue(position), "hash": .string(hash.state)]
      case .verified(let digest): ["digest": .string(digest.description)]
      }
    }

    init?(_ json: JSONValue) {
      if let digest = json["digest"]?.stringValue.flatMap({ Digest($0) }) {
        self = .verified(digest)
      } else if let position = json["position"]?.intValue, position >= 0,
        let hash = json["hash"]?.stringValue.flatMap({ SHA256(state: $0) })
      {
        self = .reached(position, hash: hash)
      } else {
        return nil
      }
    }
  }

  /// By the shard's path; none for one that is not begun.
  var shards: [String: Progress] = [:]
  /// The files of the finished result: from then on they go into the store, one by one.
  var result: [ModelFile]?

  /// Reads what an earlier process noted; empty when there is nothing that can be used.
  init(path: String) {
    guard let bytes = try? Files.read(path, limit: 16 << 20), let json = try? JSONReader.parse(bytes),
      json["version"]?.intValue == 1, let object = json["shards"]?.objectValue
    else { return }
    for (name, value) in object { shards[name] = Progress(value) }
    result = json["result"]?.arrayValue?.compactMap { file in
      guard let path = file["path"]?.stringValue, let size = file["size"]?.intValue,
        let digest = file["digest"]?.stringValue.flatMap({ Digest($0) })
      else { return nil }
      return try? ModelFile(path: path, digest: digest, byteCount: size)
    }
  }

  init() {}

  func write(to path: String) throws {
    var object = JSONObject()
    for (name, progress) in shards.sorted(by: { $0.key < $1.key }) { object[name] = progress.json }
    var document: JSONObject = ["version": 1, "shards": .object(object)]
    if let result {
      document["result"] = .array(
        result.map { file in
          ["path": .string(file.path), "digest": .string(file.digest.description), "size": JSONValue(file.byteCount)]
        })
    }
    try AtomicFile.write(JSONWriter.bytes(.object(document)), to: path)
  }
}
