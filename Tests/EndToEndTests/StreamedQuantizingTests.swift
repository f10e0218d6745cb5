// SPDX-License-Identifier: Apache-2.0
// Pull and quantize in one pass, as a user types it: the same result as in two, with less disk, and through kills.

import Basics
import Glibc
import Support
import Synchronization
import Testing

@Suite("Pulls that quantize", .timeLimit(.minutes(10))) struct StreamedQuantizingTests {
  /// A Llama with matrices of many blocks in several shards: 22 MB of bfloat16.
  static let model: [LoopbackFile] = {
    let (hidden, inner, vocabulary, layers) = (512, 1024, 2048, 4)
    var shards: [[(String, [Int])]] = [[("model.embed_tokens.weight", [vocabulary, hidden])]]
    for layer in 0..<layers {
      let name = "model.layers.\(layer)"
      shards.append([
        ("\(name).input_layernorm.weight", [hidden]), ("\(name).self_attn.q_proj.weight", [hidden, hidden]),
        ("\(name).self_attn.k_proj.weight", [hidden / 2, hidden]),
        ("\(name).self_attn.v_proj.weight", [hidden / 2, hidden]),
        ("\(name).self_attn.o_proj.weight", [hidden, hidden]), ("\(name).post_attention_layernorm.weight", [hidden]),
        ("\(name).mlp.gate_proj.weight", [inner, hidden]), ("\(name).mlp.up_proj.weight", [inner, hidden]),
        ("\(name).mlp.down_proj.weight", [hidden, inner]),
      ])
    }
    shards.append([("model.norm.weight", [hidden]), ("lm_head.weight", [vocabulary, hidden])])
    var files: [LoopbackFile] = []
    var map = JSONObject()
    for (index, shard) in shards.enumerated() {
      let file = "model-0000\(index + 1)-of-0000\(shards.count).safetensors"
      for (name, _) in shard { map[name] = .string(file) }
      files.append(LoopbackFile(file, weights(shard, seed: UInt64(index) + 5), isLarge: true))
    }
    let source = Fixtures.url("models/llama")
    var config = (try? JSONReader.parse(Files.read("\(source)/config.json")))?.objectValue ?? JSONObject()
    for (key, value) in [
      ("hidden_size", hidden), ("intermediate_size", inner), ("vocab_size", vocabulary), ("num_hidden_layers", layers),
      ("num_attention_heads", 8), ("num_key_value_heads", 4), ("head_dim", 64),
    ] { config[key] = JSONValue(value) }
    files.append(LoopbackFile("config.json", JSONWriter.bytes(.object(config))))
    files.append(
      LoopbackFile(
        "model.safetensors.index.json", JSONWriter.bytes(.object(["metadata": [:], "weight_map": .object(map)]))))
    for name in ["tokenizer.json", "generation_config.json", "tokenizer_config.json"] {
      if let bytes = try? Files.read("\(source)/\(name)") { files.append(LoopbackFile(name, bytes)) }
    }
    return files + [LoopbackFile("README.md", "a model")]
  }()

  /// A shard of bfloat16 values between 0.5 and 1 in size.
  private static func weights(_ tensors: [(String, [Int])], seed: UInt64) -> [UInt8] {
    var (entries, count) = ([String](), 0)
    for (name, shape) in tensors {
      let end = count + shape.reduce(2, *)
      let sizes = shape.map(String.init).joined(separator: ",")
      entries.append(#""\#(name)":{"dtype":"BF16","shape":[\#(sizes)],"data_offsets":[\#(count),\#(end)]}"#)
      count = end
    }
    var bytes = LoopbackFile.noise(count, seed: seed)
    for index in stride(from: 1, to: count, by: 2) { bytes[index] = bytes[index] & 0x80 | 0x3F }
    return SafetensorsBuilder.file("{" + entries.joined(separator: ",") + "}", data: bytes)
  }

  static var shards: [LoopbackFile] { model.filter(\.isLarge) }
  static var sourceByteCount: Int { shards.reduce(0) { $0 + $1.content.count } }

  /// A hub and a store.
  final class Rig {
    let hub: LoopbackHub
    let folder: TemporaryFolder

    init(_ files: [LoopbackFile] = StreamedQuantizingTests.model) throws {
      hub = try LoopbackHub(files)
      folder = try TemporaryFolder("impetus-streamed")
    }

    deinit { hub.stop() }

    var environment: [String: String] {
      ["IMPETUS_HOME": "\(folder.path)/store", "HOME": folder.path, "HF_ENDPOINT": hub.endpoint]
    }

    func run(_ arguments: String...) throws -> Support.Program.Run {
      try Support.Program.run(arguments, environment: environment)
    }

    func json(_ arguments: String...) throws -> JSONValue {
      let run = try Support.Program.run(arguments + ["--json"], environment: environment)
      #expect(run.status == 0, "\(arguments): \(run.errors)")
      return run.status == 0 ? try JSONReader.parse(run.output) : .null
    }

    var fetched: Int { hub.sentByteCount(.cdn) }
  }

  /// Bytes on the disk below a folder.
  static func diskByteCount(_ path: String) -> Int {
    var info = stat()
    guard lstat(path, &info) == 0 else { return 0 }
    let own = info.st_mode & S_IFMT == S_IFREG ? Int(info.st_blocks) * 512 : 0
    guard info.st_mode & S_IFMT == S_IFDIR else { return own }
    return ((try? Files.list(path)) ?? []).reduce(own) { $0 + diskByteCount("\(path)/\($1)") }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var options: [String] = []
    var quantize: [String] = []
    var name = "org/model:q4"
    var testDescription: String { options.joined(separator: " ") }
  }

  @Test(
    "the result is to the manifest the one of pull and quantize, and only its own bytes were ever on the disk",
    arguments: [
      Case(options: ["--quantize", "4"], quantize: []),
      Case(
        options: ["--quantize", "3", "--group-size", "32", "--name", ":x"],
        quantize: ["--bits", "3", "--group-size", "32", "--name", ":x"], name: "org/model:x"),
      Case(
        options: ["--quantize", "8", "--revision", "v1.0"], quantize: ["--bits", "8"], name: "org/model:q8"),
    ])
  func same(_ sample: Case) throws {
    let (rig, other) = (try Rig(), try Rig())
    // Both stores must name the same hub.
    let pull = ["pull", "org/model"] + (sample.options.contains("v1.0") ? ["--revision", "v1.0"] : [])
    var environment = other.environment
    environment["HF_ENDPOINT"] = rig.hub.endpoint
    #expect(try Support.Program.run(pull, environment: environment).status == 0)
    let base = sample.options.contains("v1.0") ? "org/model:v1.0" : "org/model"
    let made = try Support.Program.run(["quantize", base, "--json"] + sample.quantize, environment: environment)
    let expected = try JSONReader.parse(made.output)
    let before = rig.fetched
    let run = try Support.Program.run(
      ["pull", "org/model", "--json"] + sample.options, environment: rig.environment)
    #expect(run.status == 0, "\(run.errors)")
    let streamed = try JSONReader.parse(run.output)
    #expect(streamed["name"]?.stringValue == sample.name && streamed["digest"] == expected["digest"])
    // Heads are read twice.
    #expect(rig.fetched - before <= Self.sourceByteCount + Self.shards.count << 18)
    #expect(try rig.run("verify").status == 0)
    #expect(try Files.list("\(rig.folder.path)/store/parts").filter { !$0.hasSuffix(".lock") }.isEmpty)
    // Again it needs no weights.
    let fetched = rig.fetched
    #expect(try rig.json("pull", "org/model", "--revision", "main", "--quantize", "4")["digest"] != nil)
    if sample.name == "org/model:q4" { #expect(rig.fetched - fetched <= Self.shards.count << 18) }
  }

  @Test("while it runs, the disk holds the result and at most one shard") func peak() throws {
    let rig = try Rig()
    rig.hub.order(Fault(.cdn, .throttle(6 << 20), times: nil))
    let peak = Atomic<Int>(0)
    let isDone = Atomic(false)
    let store = "\(rig.folder.path)/store"
    var watcher = pthread_t()
    let watch = Watch {
      while !isDone.load(ordering: .relaxed) {
        peak.store(max(peak.load(ordering: .relaxed), Self.diskByteCount(store)), ordering: .relaxed)
        usleep(5000)
      }
      peak.store(max(peak.load(ordering: .relaxed), Self.diskByteCount(store)), ordering: .relaxed)
    }
    pthread_create(
      &watcher, nil,
      {
        Unmanaged<Watch>.fromOpaque($0!).takeRetainedValue().run(); return nil
      },
      Unmanaged.passRetained(watch).toOpaque())
    let made = try rig.json("pull", "org/model", "--quantize", "4")
    isDone.store(true, ordering: .relaxed)
    pthread_join(watcher, nil)
    let result = try #require(made["size_bytes"]?.intValue)
    let largest = Self.shards.map(\.content.count).max() ?? 0
    #expect(peak.load(ordering: .relaxed) <= result + largest)
    #expect(peak.load(ordering: .relaxed) >= result)
  }

  private final class Watch: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  @Test("killed again and again it goes on, and nothing finished is fetched again", arguments: [true, false])
  func killed(isSharded: Bool) throws {
    let rig = try Rig(isSharded ? Self.model : Self.joined)
    let shards = rig.hub.state.withLock { $0.files.filter(\.isLarge) }
    var noted = 0
    for round in 0..<(isSharded ? 3 : 2) {
      // It comes to a stop in the next shard, or in one after some seconds, in which it notes how far it is.
      let hold =
        isSharded
        ? Fault(.cdn, .hold(after: 300_000), times: nil, matching: shards[round + 1].digest.hex)
        : Fault(.cdn, .hold(after: 300_000), times: nil, from: noted + 9 << 20)
      rig.hub.state.withLock { $0.faults = [hold, Fault(.cdn, .throttle(4 << 20), times: nil)] }
      let process = try Support.Program.start(
        Support.Program.path, ["pull", "org/model", "--quantize", "4", "--connections", "1"],
        environment: rig.environment.merging(["HF_HUB_DOWNLOAD_TIMEOUT": "3600"]) { $1 })
      try waitUntil { progress(rig) > noted }
      kill(process, SIGKILL)
      Support.Program.ended(process)
      noted = progress(rig)
    }
    rig.hub.state.withLock { $0.faults = [] }
    let fetched = rig.fetched
    _ = try rig.json("pull", "org/model", "--quantize", "4")
    // What the journal had is not asked for again, but for the heads of the shards and the rest of a block.
    #expect(rig.fetched - fetched <= Self.sourceByteCount - noted + shards.count << 18 + 1 << 20)
    let other = try Rig(isSharded ? Self.model : Self.joined)
    #expect(try other.run("pull", "org/model").status == 0)
    _ = try other.json("quantize", "org/model")
    #expect(try other.json("show", "org/model:q4")["files"] == rig.json("show", "org/model:q4")["files"])
    #expect(try rig.run("verify").status == 0)
  }

  @Test("Ctrl-C ends it without waiting for anybody, and what came is kept") func interrupted() throws {
    let rig = try Rig(Self.joined)
    rig.hub.order(Fault(.cdn, .hold(after: 300_000), times: nil, from: 8 << 20))
    let process = try Support.Program.start(
      Support.Program.path, ["pull", "org/model", "--quantize", "4", "--connections", "1"],
      environment: rig.environment.merging(["HF_HUB_DOWNLOAD_TIMEOUT": "3600"]) { $1 })
    try waitUntil { rig.hub.heldCount > 0 }
    kill(process, SIGINT)
    #expect(Support.Program.ended(process) == 130)
    // The bytes of the ranges before the one that is held; of the last block some rows wait for others.
    #expect(progress(rig) > 7 << 20)
    rig.hub.state.withLock { $0.faults = [] }
    _ = try rig.json("pull", "org/model", "--quantize", "4")
    #expect(try rig.run("verify").status == 0)
  }

  /// Bytes of the source that the journal says are done.
  private func progress(_ rig: Rig) -> Int {
    let parts = "\(rig.folder.path)/store/parts"
    let folder = (try? Files.list(parts))?.first { $0.hasPrefix("quantized-") && !$0.hasSuffix(".lock") } ?? ""
    guard let bytes = try? Files.read("\(parts)/\(folder)/journal.json"), let json = try? JSONReader.parse(bytes) else {
      return 0
    }
    return (json["shards"]?.objectValue ?? JSONObject()).reduce(0) { sum, entry in
      let size = rig.hub.state.withLock { $0.files.first { $0.path == entry.0 }?.content.count } ?? 0
      return sum + (entry.1["position"]?.intValue ?? size)
    }
  }

  /// The same model in one file.
  private static let joined: [LoopbackFile] = {
    var (entries, data) = ([String](), [UInt8]())
    for shard in shards {
      let length = (0..<8).reduce(0) { $0 | Int(shard.content[$1]) << (8 * $1) }
      let header = (try? JSONReader.parse(Array(shard.content[8..<8 + length])))?.objectValue ?? JSONObject()
      for (name, entry) in header {
        let ends = (entry["data_offsets"]?.arrayValue ?? []).compactMap(\.intValue)
        var moved = entry.objectValue ?? JSONObject()
        moved["data_offsets"] = .array(ends.map { JSONValue($0 + data.count) })
        entries.append("\"\(name)\":\(JSONWriter.string(.object(moved)))")
      }
      data += shard.content[(8 + length)...]
    }
    let others = model.filter { !$0.isLarge && $0.path != "model.safetensors.index.json" }
    let file = SafetensorsBuilder.file("{" + entries.joined(separator: ",") + "}", data: data)
    return others + [LoopbackFile("model.safetensors", file, isLarge: true)]
  }()

  @Test(
    "wrong bytes are fetched once more, and when they stay wrong nothing of them is kept",
    arguments: [1, nil] as [Int?])
  func flipped(times: Int?) throws {
    let rig = try Rig()
    // Among a tensor's values; as an exponent of all ones it would be no number.
    rig.hub.order(Fault(.cdn, .flip(at: 1_500_001), times: times))
    let run = try rig.run("pull", "org/model", "--quantize", "4", "--json")
    if times == nil {
      #expect(run.status == 2, "\(run.errors)")
      #expect(try rig.json("list").arrayValue?.isEmpty == true)
    } else {
      #expect(run.status == 0, "\(run.errors)")
      #expect(try rig.run("verify").status == 0)
    }
  }

  @Test(
    "a server that ignores ranges, and connections that break, do no harm", arguments: ["ignored", "cut", "chunked"])
  func faults(kind: String) throws {
    let rig = try Rig()
    switch kind {
    case "ignored": rig.hub.order(Fault(.cdn, .ignoreRange, times: nil))
    case "chunked": rig.hub.order(Fault(.cdn, .chunked, times: nil))
    default: rig.hub.order(Fault(.cdn, .cut(after: 700_000, reset: true), times: 5))
    }
    #expect(try rig.json("pull", "org/model", "--quantize", "4")["name"] == "org/model:q4")
    #expect(try rig.run("verify").status == 0)
  }

  @Test("a mirror steps in for shards as it does for files") func mirror() throws {
    let (rig, mirror) = (try Rig(), try LoopbackHub(Self.model))
    defer { mirror.stop() }
    rig.hub.order(Fault(.cdn, .status(403, body: "quota"), times: nil))
    let run = try Support.Program.run(
      ["pull", "org/model", "--quantize", "4", "--endpoint", rig.hub.endpoint, "--endpoint", mirror.endpoint],
      environment: rig.environment)
    #expect(run.status == 0, "\(run.errors)")
    #expect(try rig.run("verify").status == 0)
  }

  @Test("what is quantized already, no model, or asked for in vain is refused before the weights come")
  func refused() throws {
    let names = try Files.list(Fixtures.url("models/llama-mlx-q4-g64"))
    let rig = try Rig(
      names.map { LoopbackFile($0, (try? Files.read(Fixtures.url("models/llama-mlx-q4-g64/\($0)"))) ?? []) })
    let run = try rig.run("pull", "org/model", "--quantize", "4")
    #expect(run.status != 0 && run.errors.contains("org/model"), "\(run.errors)")
    for options in [["--quantize", "7"], ["--group-size", "64"], ["--quantize", "4", "--to-hf-cache"]] {
      #expect(try Support.Program.run(["pull", "org/model"] + options, environment: rig.environment).status == 64)
    }
  }

  @Test("a damaged result whose source is not here is made again from the hub") func repaired() throws {
    let rig = try Rig()
    let made = try rig.json("pull", "org/model", "--quantize", "4")
    let files = try rig.json("show", "org/model:q4")["files"]?.arrayValue ?? []
    let weights = try #require(files.first { $0["path"]?.stringValue?.hasSuffix(".safetensors") == true })
    let path = "\(rig.folder.path)/store/blobs/sha256/\(weights["digest"]?.stringValue?.dropFirst(7) ?? "")"
    var bytes = try Files.read(path)
    bytes[bytes.count / 2] ^= 1
    try Files.remove(path)
    try AtomicFile.write(bytes, to: path)
    #expect(try rig.run("verify").status == 2)
    let repair = try rig.run("repair", "org/model:q4")
    #expect(repair.status == 0, "\(repair.errors)")
    #expect(try rig.run("verify").status == 0)
    #expect(try rig.json("show", "org/model:q4")["digest"] == made["digest"])
  }
}
