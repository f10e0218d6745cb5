// SPDX-License-Identifier: Apache-2.0
// What is told of a model before its bytes are here: right figures, few bytes, and no certainty where there is none.

import Basics
import Hub
import Library
import Store
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct EstimatingTests {
  private static func hub(_ fixture: String, extra: [LoopbackFile] = []) throws -> LoopbackHub {
    let folder = Fixtures.url("models/\(fixture)")
    let names = try Files.list(folder).filter { name in
      Files.isFile("\(folder)/\(name)") && name != "reference.json" && !extra.contains { $0.path == name }
    }
    return try LoopbackHub(
      try names.map {
        LoopbackFile($0, try Files.read("\(folder)/\($0)"), isLarge: $0.hasSuffix(".safetensors"))
      } + extra)
  }

  private static let roomy = Estimate.Machine(installed: 8 << 30, available: 4 << 30)

  private func estimate(
    _ hub: LoopbackHub, machine: Estimate.Machine = roomy, context: Int? = nil
  ) async throws -> (PullPlan, Estimate) {
    var settings = try HubSettings(environment: ["HF_ENDPOINT": hub.endpoint])
    settings.retry = RetryPolicy(attempts: 3, base: .milliseconds(5))
    let client = try HubClient(settings)
    let store = try TemporaryFolder("impetus-plan")
    let destination = FolderSource(partsFolder: store.path)
    let plan = try await Planning(client: client, source: destination).plan(RepoID("org/model"))
    let estimating = Estimating(client: client, machine: machine, scratchFolder: store.path, readsTokenizer: true)
    let estimate = try await estimating.estimate(plan, context: context)
    #expect(try Files.list(store.path) == [])
    return (plan, estimate)
  }

  private struct FolderSource: PullSource {
    let partsFolder: String
    func present(_ file: RepoFile) -> Digest? { nil }
  }

  @Test(
    "the figures are those of the model itself, whole or in shards, and no weights are fetched for them",
    arguments: ["llama", "qwen3_moe", "llama-sharded-v5config", "gpt_oss-mxfp4", "qwen3_next"])
  func figures(fixture: String) async throws {
    let hub = try Self.hub(fixture)
    defer { hub.stop() }
    let (plan, estimate) = try await estimate(hub, context: 1000)
    let facts = try Describing.facts(folder: Fixtures.url("models/\(fixture)"))
    #expect(estimate.facts?.parameterCount == facts.parameterCount && facts.parameterCount > 0)
    #expect(estimate.facts?.description.architecture == facts.description.architecture)
    #expect(estimate.facts?.contextLength == facts.contextLength)
    #expect(estimate.verdict == .fits)
    #expect(estimate.certainFailure(plan.resolved.repository) == nil)
    #expect(estimate.contextLength == 1000 && estimate.cacheByteCount > 0)
    let asked = hub.records.filter { $0.place == .cdn }
    #expect(asked.allSatisfy { $0.request.headers["range"]?.hasPrefix("bytes=0-") == true })
  }

  @Test("memory of every form: fewer bits, fewer bytes, and the cache by the architecture") func forms() async throws {
    let hub = try Self.hub("qwen2-tied")
    defer { hub.stop() }
    let (_, estimate) = try await estimate(hub, context: 64)
    #expect(estimate.forms.map(\.bits) == [nil, 8, 6, 5, 4, 3, 2])
    let sizes = estimate.forms.map(\.weightByteCount)
    #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 >= $1 } && sizes[1] > sizes[6])
    let config = try Describing.facts(folder: Fixtures.url("models/qwen2-tied"))
    #expect(sizes[0] == config.loadedByteCount)
    // Keys and values of each layer, head and token in 16 bits.
    let json = try JSONReader.parse(try Files.read(Fixtures.url("models/qwen2-tied/config.json")))
    let (layers, heads) = (json["num_hidden_layers"]?.intValue ?? 0, json["num_key_value_heads"]?.intValue ?? 0)
    let size =
      json["head_dim"]?.intValue ?? (json["hidden_size"]?.intValue ?? 0) / (json["num_attention_heads"]?.intValue ?? 1)
    #expect(estimate.cacheByteCount == layers * heads * size * 64 * 2 * 2)
  }

  @Test("a machine decides: fits, fits with fewer bits, crowded, too large") func verdicts() async throws {
    let hub = try Self.hub("qwen2-tied")
    defer { hub.stop() }
    let (plan, all) = try await estimate(hub)
    let (whole, least) = (all.byteCount(all.forms[0]), all.byteCount(all.forms[6]))
    func verdict(_ installed: Int, _ available: Int) async throws -> Estimate.Verdict {
      try await estimate(hub, machine: .init(installed: installed, available: available)).1.verdict
    }
    #expect(try await verdict(whole, whole) == .fits)
    #expect(try await verdict(whole, whole - 1) == .fitsQuantized(bits: 8))
    #expect(try await verdict(whole, least) == .fitsQuantized(bits: 2))
    #expect(try await verdict(whole, least - 1) == .crowded(needed: least))
    #expect(try await verdict(least - 1, least - 1) == .tooLarge(needed: least))
    let tiny = try await estimate(hub, machine: .init(installed: 1000, available: 1000)).1
    #expect(tiny.certainFailure(plan.resolved.repository)?.status == .doesNotFit)
  }

  @Test("an unknown architecture is certain, broken or missing files are not") func troubles() async throws {
    let unknown = try LoopbackHub([
      LoopbackFile("config.json", #"{"model_type": "mamba9"}"#), .large("model.safetensors", byteCount: 1000),
    ])
    defer { unknown.stop() }
    let (plan, found) = try await estimate(unknown)
    #expect(found.verdict == .unsupportedArchitecture("mamba9"))
    #expect(found.certainFailure(plan.resolved.repository)?.status == .unsupported)
    for (config, weights) in [
      (#"{"model_type": "llama"}"#, [UInt8](repeating: 255, count: 300_000)), ("{", []), ("[]", [1]),
      (#"{"model_type": "llama"}"#, littleEndian(UInt64(200_000)) + [UInt8](repeating: 32, count: 200_000)),
    ] {
      let hub = try LoopbackHub([
        LoopbackFile("config.json", config), LoopbackFile("model.safetensors", weights, isLarge: true),
      ])
      let (plan, estimate) = try await estimate(hub)
      #expect(estimate.verdict == .unknown && estimate.trouble != nil)
      #expect(estimate.certainFailure(plan.resolved.repository) == nil)
      hub.stop()
    }
    let bare = try LoopbackHub([.large("model.safetensors", byteCount: 1000)])
    defer { bare.stop() }
    #expect(try await estimate(bare).1.trouble == "it has no config.json")
  }

  /// A tokenizer of the fixture with one setting changed.
  private static func tokenizer(_ key: String, _ value: JSONValue) throws -> [UInt8] {
    var object = try JSONReader.parse(try Fixtures.bytes("models/llama/tokenizer.json")).objectValue ?? [:]
    object[key] = value
    return Array(JSONWriter.string(.object(object)).utf8)
  }

  @Test("names the piece of a tokenizer that is not supported, and stops nothing for it")
  func tokenizerPieces() async throws {
    for (key, name) in [("normalizer", "Magic"), ("pre_tokenizer", "Split9"), ("model", "Quantum")] {
      let tokenizer = try Self.tokenizer(key, ["type": .string(name)])
      let hub = try Self.hub("llama", extra: [LoopbackFile("tokenizer.json", tokenizer, isLarge: key == "model")])
      defer { hub.stop() }
      let (plan, found) = try await estimate(hub)
      guard case .unsupported(let why) = found.verdict else {
        Issue.record("\(found.verdict)")
        continue
      }
      #expect(why.contains("\"\(name)\"") && found.facts?.parameterCount ?? 0 > 0)
      #expect(found.certainFailure(plan.resolved.repository) == nil)
    }
  }

  @Test("a tokenizer that cannot be had, or is broken, hides nothing of the model") func lostTokenizer() async throws {
    for fault in [Fault.Action.status(404), .status(500), .flip(at: 3), .webPage, .cut(after: 100)] {
      let hub = try Self.hub("llama")
      defer { hub.stop() }
      hub.order(Fault(.resolve, fault, times: nil, matching: "tokenizer"))
      let found = try await estimate(hub).1
      #expect(found.verdict == .fits && found.trouble == nil, "\(fault)")
    }
    for content in [[UInt8]("{".utf8), []] {
      let hub = try Self.hub("llama", extra: [LoopbackFile("tokenizer.json", content)])
      defer { hub.stop() }
      #expect(try await estimate(hub).1.verdict == .fits)
    }
  }

  @Test("a server that ignores ranges is read no further than the head") func ignoredRange() async throws {
    let hub = try Self.hub("llama", extra: [.large("other/model.bin", byteCount: 10)])
    defer { hub.stop() }
    hub.order(Fault(.cdn, .ignoreRange, times: nil))
    #expect(try await estimate(hub).1.verdict == .fits)
  }
}
