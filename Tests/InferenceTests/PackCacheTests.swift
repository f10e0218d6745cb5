// SPDX-License-Identifier: Apache-2.0
// Packed weights between starts: kept, found again, and never believed when they are not what is needed.

import Basics
import Inference
import Support
import Testing

@Suite("Packed weights in a cache") struct PackCacheTests {
  private static let source = Digest.of([1])

  private static func load(_ model: String, _ cache: PackCache?) throws -> LoadedModel {
    var options = LoadedModel.Options(threads: 2, kvByteBudget: 1 << 20, sequences: 1, stepTokens: 16)
    options.packCache = cache
    let loaded = try LoadedModel.load(folder: Fixtures.url("models/\(model)"), options: options)
    loaded.settle()
    return loaded
  }

  private static func logits(_ model: LoadedModel) throws -> [Float] {
    var forward = try Forward(model)
    let sequence = try forward.makeSequence()
    var batch = StepBatch(tokenCapacity: 16, entryCapacity: 1)
    batch.add(sequence, tokens: [1, 5, 9, 2], wanted: .last)
    try forward.step(&batch)
    return Array(batch.logits(ofEntry: 0))
  }

  @Test("the second start maps what the first one packed, and computes the same bits") func kept() throws {
    let folder = try TemporaryFolder()
    let cache = PackCache(folder: "\(folder.path)/packed", source: Self.source)
    let first = try Self.load("llama-mlx-q4-g64", cache)
    #expect(!first.isPackedBefore)
    #expect(Files.isFile(cache.path))
    #expect(PackCache.isWhole(cache.path))
    #expect(try Files.list("\(folder.path)/packed").count == 1)
    let second = try Self.load("llama-mlx-q4-g64", cache)
    #expect(second.isPackedBefore)
    let plain = try Self.logits(try Self.load("llama-mlx-q4-g64", nil))
    #expect(try Self.logits(first) == plain)
    #expect(try Self.logits(second) == plain)
  }

  @Test(
    "a file of other matrices, one cut short and one of noise are packed anew",
    arguments: ["other", "short", "noise", "folder"])
  func disbelieved(_ what: String) throws {
    let folder = try TemporaryFolder()
    let cache = PackCache(folder: "\(folder.path)/packed", source: Self.source)
    switch what {
    case "other": _ = try Self.load("qwen2-tied-mlx-q8-g64", cache)
    case "short":
      _ = try Self.load("llama-mlx-q4-g64", cache)
      let bytes = try Files.read(cache.path)
      try AtomicFile.write(Array(bytes.dropLast()), to: cache.path)
    case "noise":
      try Files.makeFolders("\(folder.path)/packed")
      try AtomicFile.write((0..<9000).map { UInt8(truncatingIfNeeded: $0 * 7) }, to: cache.path)
    default: try Files.makeFolders(cache.path)
    }
    let model = try Self.load("llama-mlx-q4-g64", cache)
    #expect(!model.isPackedBefore)
    #expect(try Self.logits(model) == Self.logits(try Self.load("llama-mlx-q4-g64", nil)))
  }

  @Test("a changed byte is found, a missing folder is no obstacle, an impossible one neither") func damage() throws {
    let folder = try TemporaryFolder()
    let cache = PackCache(folder: "\(folder.path)/deep/packed", source: Self.source)
    _ = try Self.load("llama-mlx-q4-g64", cache)
    var bytes = try Files.read(cache.path)
    bytes[5000] ^= 1
    try AtomicFile.write(bytes, to: cache.path)
    #expect(!PackCache.isWhole(cache.path))
    let impossible = PackCache(folder: "/proc/1/packed", source: Self.source)
    #expect(try !Self.load("llama-mlx-q4-g64", impossible).isPackedBefore)
  }

  @Test("exact computing and plain weights keep nothing") func nothing() throws {
    let folder = try TemporaryFolder()
    let cache = PackCache(folder: "\(folder.path)/packed", source: Self.source)
    _ = try Self.load("llama", cache)
    var options = LoadedModel.Options(precise: true, threads: 1, kvByteBudget: 1 << 20, sequences: 1)
    options.packCache = cache
    try LoadedModel.load(folder: Fixtures.url("models/llama-mlx-q4-g64"), options: options).settle()
    #expect(!Files.isFile(cache.path))
  }
}
