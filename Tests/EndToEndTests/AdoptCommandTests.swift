// SPDX-License-Identifier: Apache-2.0
// `impetus adopt` on folders laid out as the other programs lay theirs out, whole and damaged.

import Basics
import Glibc
import Support
import Testing

@Suite("Adopting models of other programs") struct AdoptCommandTests {
  /// A home with other programs' folders.
  struct Home {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("impetus-adopt") }

    func run(_ arguments: String...) throws -> Support.Program.Run {
      try Support.Program.run(
        arguments, environment: ["IMPETUS_HOME": "\(folder.path)/store", "HOME": folder.path, "HF_HUB_OFFLINE": "1"])
    }

    func adopt(_ options: String..., status: Int32 = 0) throws -> [String: JSONValue] {
      let run = try Support.Program.run(
        ["adopt", "--json"] + options,
        environment: ["IMPETUS_HOME": "\(folder.path)/store", "HOME": folder.path, "HF_HUB_OFFLINE": "1"])
      #expect(run.status == status, "\(run.errors)")
      let document = try JSONReader.parse(run.output)
      let models = document["models"]?.arrayValue ?? []
      return Dictionary(models.map { ($0["title"]?.stringValue ?? "", $0) }) { first, _ in first }
    }

    func names() throws -> [String] { try run("list", "--quiet").output.split(separator: "\n").map(String.init) }
  }

  private static let hub = ".cache/huggingface/hub"
  private static let commit = String(repeating: "0a", count: 20)
  /// A model with weights above the size that is linked.
  private static let model = StreamedQuantizingTests.model

  /// Writes a snapshot of the hub's cache.
  private func snapshot(
    _ home: Home, _ repository: String = "org--model", files: [LoopbackFile] = model, reference: String? = "main"
  ) throws {
    let top = "\(Self.hub)/models--\(repository)"
    for file in files {
      let etag = file.isLarge ? file.digest.hex : file.gitID
      try home.folder.write(file.content, to: "\(top)/blobs/\(etag)")
      let path = "\(home.folder.path)/\(top)/snapshots/\(Self.commit)/\(file.path)"
      try Files.makeFolders(Files.parent(of: path))
      try Files.link(path, to: "../../blobs/\(etag)")
    }
    if let reference { try home.folder.write(Self.commit, to: "\(top)/refs/\(reference)") }
  }

  private func blob(_ home: Home, _ file: LoopbackFile) -> String {
    "\(home.folder.path)/\(Self.hub)/models--org--model/blobs/\(file.digest.hex)"
  }

  private func inode(_ path: String) -> UInt {
    var info = stat()
    return stat(path, &info) == 0 ? UInt(info.st_ino) : 0
  }

  @Test("a model of the hub's cache is shared, known by its commit, verifies, and is there the second time")
  func hubCache() throws {
    let home = try Home()
    try snapshot(home)
    let dry = try #require(try home.adopt("--dry-run")["org/model"])
    #expect(dry["action"] == "adopt" && dry["from"] == "hf" && dry["name"] == "org/model")
    let large = StreamedQuantizingTests.sourceByteCount
    #expect((dry["saved_bytes"]?.intValue ?? 0) >= large)
    #expect(Files.kind("\(home.folder.path)/store") == nil)
    let made = try #require(try home.adopt()["org/model"])
    #expect((made["saved_bytes"]?.intValue ?? 0) >= large && made["digest"]?.stringValue != nil)
    #expect(try home.names() == ["org/model"])
    #expect(try home.run("verify").status == 0)
    let shown = try JSONReader.parse(try home.run("show", "org/model", "--json").output)
    #expect(shown["revision"]?.stringValue == Self.commit && shown["source"] == "https://huggingface.co/org/model")
    let weights = StreamedQuantizingTests.shards[0]
    let kept = "\(home.folder.path)/store/blobs/sha256/\(weights.digest.hex)"
    #expect(try Files.read(blob(home, weights)) == Files.read(kept))
    #expect(try home.adopt()["org/model"]?["action"] == "present")
    // The other program may throw its own away.
    try Files.removeTree("\(home.folder.path)/\(Self.hub)")
    #expect(try home.run("verify").status == 0)
  }

  @Test("copies when told so, and replaces only when told so") func options() throws {
    let home = try Home()
    try snapshot(home)
    #expect(try home.run("import", Fixtures.url("models/llama"), "--name", "org/model").status == 0)
    #expect(try home.adopt()["org/model"]?["action"] == "leave")
    let made = try #require(try home.adopt("--force", "--copy")["org/model"])
    #expect(made["saved_bytes"]?.intValue == 0)
    let weights = StreamedQuantizingTests.shards[0]
    let kept = "\(home.folder.path)/store/blobs/sha256/\(weights.digest.hex)"
    #expect(inode(kept) != inode(blob(home, weights)))
    var info = stat()
    #expect(stat(blob(home, weights), &info) == 0 && info.st_mode & 0o200 != 0)
  }

  @Test(
    "what is damaged, cut short or no model is named and left, and the rest is taken",
    arguments: [
      "flipped", "dangling", "no-shard", "outside", "listed",
    ])
  func damaged(kind: String) throws {
    let home = try Home()
    try snapshot(home)
    try snapshot(home, "org--whole", reference: nil)
    let weights = StreamedQuantizingTests.shards[1]
    let path = blob(home, weights)
    var expected = "leave"
    switch kind {
    case "flipped":
      var bytes = weights.content
      bytes[bytes.count / 2] ^= 1
      try Files.remove(path)
      try AtomicFile.write(bytes, to: path)
      expected = "fail"
    case "dangling": try Files.remove(path)
    case "no-shard":
      try Files.remove("\(home.folder.path)/\(Self.hub)/models--org--model/snapshots/\(Self.commit)/\(weights.path)")
    case "outside":
      try Files.remove(path)
      try home.folder.write(weights.content, to: "elsewhere")
      try Files.link(path, to: "\(home.folder.path)/elsewhere")
    default:
      try home.folder.write(
        #"{"format_version":1,"files":{"tokenizer.model":{"size":3,"blob_id":"\#(String(repeating: "1", count: 40))"}}}"#,
        to: "\(Self.hub)/models--org--model/trees/\(Self.commit).json")
    }
    let found = try home.adopt(status: expected == "fail" ? 2 : 0)
    #expect(found["org/model"]?["action"]?.stringValue == expected)
    #expect(found["org/model"]?["reason"]?.stringValue?.isEmpty == false)
    let whole = "org/whole:\(Self.commit.prefix(8))"
    #expect(try home.names() == [whole])
    #expect(try home.run("verify").status == 0)
  }

  @Test("GGUF files of Ollama and llama.cpp are found, and converted when asked") func gguf() throws {
    let home = try Home()
    // Its 7328 bytes of weights are noise, some of it no numbers: here they are zeros.
    let bytes = try Array(Fixtures.bytes("fuzz/gguf/llama-q8.gguf").dropLast(7328)) + [UInt8](repeating: 0, count: 7328)
    let digest = Digest.of(bytes).hex
    try home.folder.write(bytes, to: ".ollama/models/blobs/sha256-\(digest)")
    func manifest(_ digest: String, size: Int, kind: String = "model") -> String {
      #"{"layers":[{"mediaType":"application/vnd.ollama.image.\#(kind)","digest":"\#(digest)","size":\#(size)}]}"#
    }
    let registry = ".ollama/models/manifests/registry.ollama.ai"
    try home.folder.write(manifest("sha256:\(digest)", size: bytes.count), to: "\(registry)/library/tiny/1b")
    try home.folder.write(manifest("sha256:\(digest)", size: 3), to: "\(registry)/library/short/latest")
    try home.folder.write(manifest("../../../etc/passwd", size: 3), to: "\(registry)/someone/evil/latest")
    try home.folder.write(manifest("sha256:\(digest)", size: 3, kind: "tensor"), to: "\(registry)/library/parts/latest")
    try home.folder.write("{", to: "\(registry)/library/broken/latest")
    try home.folder.write(bytes, to: ".cache/llama.cpp/ggml-org_tiny-GGUF_tiny-Q8_0.gguf")
    try home.folder.write(
      #"{"ggufFile":{"rfilename":"tiny-Q8_0.gguf","size":1,"lfs":{"sha256":"\#(digest)"}}}"#,
      to: ".cache/llama.cpp/manifest=ggml-org=tiny-GGUF=latest.json")
    try home.folder.write(bytes, to: ".lmstudio/models/pub/other-GGUF/other-00001-of-00002.gguf")
    let dry = try home.adopt("--dry-run")
    #expect(
      dry["tiny:1b"]?["action"] == "leave" && dry["tiny:1b"]?["reason"]?.stringValue?.contains("--convert") == true)
    #expect(dry["tiny:1b"]?["name"] == "tiny:1b")
    #expect(dry["ggml-org_tiny-GGUF_tiny-Q8_0.gguf"]?["name"] == "ggml-org/tiny-GGUF:tiny-Q8_0")
    for title in [
      "short:latest", "someone/evil:latest", "parts:latest", "broken:latest",
      "pub/other-GGUF/other-00001-of-00002.gguf",
    ] {
      #expect(dry[title]?["action"] == "leave", "\(title)")
      #expect(dry[title]?["reason"]?.stringValue?.contains("--convert") == false, "\(title)")
    }
    let made = try home.adopt("--from", "ollama", "--only", "tiny", "--convert")
    #expect(made["tiny:1b"]?["action"] == "convert")
    #expect(try home.names() == ["tiny:1b"])
    #expect(try home.run("verify").status == 0)
    #expect(try home.adopt("--from", "ollama", "--only", "tiny", "--convert")["tiny:1b"]?["action"] == "present")
  }

  @Test("folders of LM Studio and named ones are taken; links in circles end") func folders() throws {
    let home = try Home()
    for file in Self.model {
      try home.folder.write(file.content, to: ".lmstudio/models/mlx-community/tiny/\(file.path)")
      try home.folder.write(file.content, to: "mine/deep/er/\(file.path)")
    }
    try Files.link("\(home.folder.path)/mine/deep/again", to: "..")
    try home.folder.write("{}", to: "mine/config.json")
    #expect(try home.adopt()["mlx-community/tiny"]?["name"] == "mlx-community/tiny")
    #expect(try home.adopt()["mlx-community/tiny"]?["action"] == "present")
    let named = try home.adopt("\(home.folder.path)/mine")
    #expect(named.count == 1 && named["deep/er"]?["name"] == "deep/er")
    // The weights are the store's already, and take no room again.
    #expect((named["deep/er"]?["written_bytes"]?.intValue ?? .max) < StreamedQuantizingTests.sourceByteCount)
    #expect(try home.names() == ["deep/er", "mlx-community/tiny"])
    #expect(try home.run("verify").status == 0)
    #expect(try home.run("adopt", "\(home.folder.path)/nowhere").status == 3)
    #expect(try home.run("adopt", "--from", "elsewhere").status == 64)
  }

  @Test("a machine without other programs has nothing to adopt") func nothing() throws {
    let run = try Home().run("adopt")
    #expect(run.status == 0 && run.output.isEmpty && run.errors.contains("no models"))
  }
}
