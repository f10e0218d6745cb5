// SPDX-License-Identifier: Apache-2.0
// The store shared: the hub's protocol, the registries', ranges, names, keys, and what is not to be had.

import Basics
import Server
import Store
import Support
import Testing

@Suite struct ShareTests {
  private static let file = "/Org/Model/resolve/main/model.safetensors"

  @Test("a hub's client finds a model, its files and their hashes") func hub() async throws {
    let rig = try ShareRig()
    let model = try rig.add("Model")
    try rig.add("Model", variant: "q4", text: "{\"q\":4}")
    try rig.add("mine", organization: nil)
    try await withShare(rig) { rig in
      let commit = String(model.digest.hex.prefix(40))
      for path in ["org/model/revision/main", "Org/Model", "Org/Model/revision/\(commit)"] {
        let reply = try await rig.get("/api/models/\(path)")
        #expect(try reply.json["sha"]?.stringValue == commit, "\(path)")
        #expect(try reply.json["id"] == "Org/Model")
      }
      #expect(try await rig.get("/api/models/mine/revision/main").json["id"] == "mine")
      #expect(try await rig.get("/api/models/Org/Model/revision/q4").json["sha"]?.stringValue != commit)
      // The source's own commit is one too.
      let source = String(repeating: "ab", count: 20)
      #expect(try await rig.get("/api/models/Org/Model/revision/\(source)").json["sha"]?.stringValue == source)
      let rows = try await rig.get("/api/models/Org/Model/tree/main?recursive=true&expand=false").json
      #expect(
        rows.arrayValue?.compactMap { $0["path"]?.stringValue }.sorted() == model.manifest.files.map(\.path).sorted())
      let row = rows.arrayValue?.first { $0["path"] == "model.safetensors" }
      #expect(row?["lfs"]?["oid"]?.stringValue == Digest.of(ShareRig.weights).hex)
      #expect(row?["size"]?.intValue == ShareRig.weights.count)
      let top = try await rig.get("/api/models/Org/Model/tree/main").json.arrayValue ?? []
      #expect(top.contains { $0["type"] == "directory" && $0["path"] == "sub folder" })
      let below = try await rig.get("/api/models/Org/Model/tree/main/sub%20folder").json
      #expect(below.arrayValue?.map { $0["path"] } == ["sub folder/ä+b.json"])
      #expect(try await rig.get("/api/models?search=MOD").json.arrayValue?.count == 1)
      #expect(try await rig.get("/api/models/Org/Model/refs").json["branches"]?.arrayValue?.count == 2)
      for (path, code) in [
        ("/api/models/Org/None/revision/main", "RepoNotFound"),
        ("/api/models/Org/Model/revision/x", "RevisionNotFound"),
        ("/Org/Model/resolve/main/none", "EntryNotFound"), ("/Org/None/resolve/main/x", "RepoNotFound"),
      ] {
        let reply = try await rig.get(path)
        #expect(reply.status == 404 && reply.headers["x-error-code"] == code, "\(path)")
      }
    }
  }

  @Test("a file comes whole, with what clients check it by, and its head alone") func whole() async throws {
    let rig = try ShareRig()
    let model = try rig.add("Model")
    try await withShare(rig) { rig in
      let reply = try await rig.get(Self.file)
      #expect(reply.status == 200)
      #expect(reply.body == ShareRig.weights)
      let digest = Digest.of(ShareRig.weights).hex
      #expect(reply.headers["etag"] == "\"\(digest)\"" && reply.headers["x-linked-etag"] == "\"\(digest)\"")
      #expect(reply.headers["x-repo-commit"] == String(model.digest.hex.prefix(40)))
      let head = try await rig.send("HEAD", Self.file)
      #expect(head.status == 200 && head.headers["content-length"] == "\(ShareRig.weights.count)")
      #expect(head.headers["x-linked-size"] == "\(ShareRig.weights.count)")
      #expect(try await rig.get(Self.file, ["If-None-Match": "\"\(digest)\""]).status == 304)
      #expect(try await rig.get("/Org/Model/resolve/main/sub%20folder/%C3%A4+b.json").text == "[]")
      #expect(try await rig.get("/Org/Model/resolve/main/empty.txt").body.isEmpty)
    }
  }

  @Test("ranges are those that were asked for") func ranges() async throws {
    let rig = try ShareRig()
    try rig.add("Model")
    let (all, count) = (ShareRig.weights, ShareRig.weights.count)
    try await withShare(rig) { rig in
      for (text, range) in [
        ("0-0", 0..<1), ("0-99", 0..<100), ("1000-300000", 1000..<300_001), ("700000-", 700_000..<count),
        ("-1", count - 1..<count), ("-9999999", 0..<count), ("5-99999999999999999999999", 5..<count),
        ("\(count - 1)-\(count + 5)", count - 1..<count),
      ] {
        let reply = try await rig.get(Self.file, ["Range": "bytes=\(text)"])
        #expect(reply.status == 206, "\(text)")
        #expect(reply.body == Array(all[range]), "\(text)")
        #expect(reply.headers["content-range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(count)")
      }
      for text in ["\(count)-", "\(count + 7)-\(count + 9)", "99999999999999999999-", "-0"] {
        let reply = try await rig.get(Self.file, ["Range": "bytes=\(text)"])
        #expect(reply.status == 416 && reply.headers["content-range"] == "bytes */\(count)", "\(text)")
      }
      for text in ["bytes=5-1", "bytes=a-b", "bytes=", "bytes=-", "bytes=0-1,5-6", "items=0-1", "bytes=+1-2"] {
        #expect(try await rig.get(Self.file, ["Range": text]).body.count == count, "\(text)")
      }
      let other = try await rig.get(Self.file, ["Range": "bytes=0-1", "If-Range": "\"other\""])
      #expect(other.status == 200 && other.body.count == count)
      #expect(try await rig.get("/Org/Model/resolve/main/empty.txt", ["Range": "bytes=0-"]).status == 416)
    }
  }

  @Test("a registry's client finds versions, manifests and contents of their own repository") func registry()
    async throws
  {
    let rig = try ShareRig()
    let model = try rig.add("Model")
    let other = try rig.add("Other", text: "{\"other\":1}")
    try await withShare(rig) { rig in
      #expect(try await rig.get("/v2/").json == [:])
      #expect(try await rig.get("/v2/_catalog").json["repositories"] == ["org/model", "org/other"])
      #expect(try await rig.get("/v2/org/model/tags/list").json == ["name": "org/model", "tags": ["main"]])
      for name in ["main", "latest", model.digest.description] {
        let reply = try await rig.get("/v2/org/model/manifests/\(name)")
        #expect(Digest.of(reply.body) == model.digest, "\(name)")
        #expect(reply.headers["docker-content-digest"] == model.digest.description)
        #expect(reply.headers["content-type"] == "application/vnd.oci.image.manifest.v1+json")
      }
      let weights = "/v2/org/model/blobs/\(Digest.of(ShareRig.weights))"
      #expect(try await rig.get(weights, ["Range": "bytes=3-5"]).body == Array(ShareRig.weights[3...5]))
      #expect(try await rig.send("HEAD", weights).headers["content-length"] == "\(ShareRig.weights.count)")
      let foreign = other.manifest.files.first { $0.path == "config.json" }?.digest.description ?? ""
      #expect(try await rig.get("/v2/org/other/blobs/\(foreign)").status == 200)
      for path in [
        "org/model/blobs/\(foreign)", "org/model/blobs/sha256:12", "org/model/manifests/none", "org/none/tags/list",
        "org/model/manifests/\(other.digest)", "org/model/blobs/\(model.digest)", "x", "org/model",
      ] {
        let reply = try await rig.get("/v2/\(path)")
        #expect(reply.status == 404, "\(path)")
        #expect(try reply.json["errors"]?[0]?["code"] != nil)
      }
    }
  }

  @Test("nothing outside of the shared models can be asked for") func outside() async throws {
    let rig = try ShareRig()
    try rig.add("Model")
    try await withShare(rig) { rig in
      for path in [
        "/", "/oci-layout", "/index.json", "/../store/index.json", "/Org/Model/resolve/main/../../../../oci-layout",
        "/Org/Model/resolve/main/%2e%2e%2f%2e%2e%2foci-layout", "/Org/Model/resolve/main//etc/passwd",
        "/Org/Model/resolve/main/%2Fetc%2Fpasswd", "/Org/Model/resolve/main/.", "/v2/../../oci-layout",
        "/v2/org/model/blobs/..%2f..%2foci-layout", "/v2/org/model/blobs/sha256:../../index.json",
        "/Org/Model/resolve/main/",
        "/api/models/..%2f..%2fetc/revision/main", "/api/models/Org/Model/revision/..", "/api/whoami-v2",
        "/\(String(repeating: "a/", count: 2000))x",
      ] {
        let reply = try await rig.get(path)
        #expect(reply.status == 404, "\(path)")
        #expect(!reply.text.contains(rig.folder.path))
      }
      for path in ["/%ff/a/resolve/main/x", "/a%00b/c/resolve/main/x", "/%", "/%4", "/%zz"] {
        #expect(try await rig.get(path).status == 400, "\(path)")
      }
      for method in ["POST", "PUT", "DELETE", "PATCH"] {
        #expect(try await rig.send(method, "/v2/org/model/blobs/uploads/").status == 405)
        #expect(try await rig.send(method, Self.file).status == 405)
      }
      #expect(try await rig.send("GET", Self.file, body: "hello").status == 413)
      #expect(try await rig.get(Self.file, ["Origin": "https://example.org"]).status == 403)
      #expect(try await rig.get(Self.file, ["Host": "example.org"]).status == 403)
    }
  }

  @Test("only the models that were named are shared, and a damaged content is not sent as if it were whole")
  func some() async throws {
    let rig = try ShareRig()
    let model = try rig.add("Model")
    try rig.add("Secret", text: "{\"secret\":1}")
    try await withShare(rig) {
      $0.models = [model.reference]
    } _: { rig in
      #expect(try await rig.get("/api/models").json.arrayValue?.count == 1)
      #expect(try await rig.get("/Org/Secret/resolve/main/config.json").status == 404)
      #expect(try await rig.get("/v2/org/secret/tags/list").status == 404)
      let path = rig.store.path(of: Digest.of(ShareRig.weights))
      try Files.remove(path)
      try AtomicFile.write([1, 2, 3], to: path)
      let reply = try await rig.get(Self.file)
      #expect(reply.status == 500 && !reply.text.contains("/"))
      try Files.remove(path)
      #expect(try await rig.get(Self.file).status == 500)
    }
  }

  @Test("with a key, nothing comes without it") func keys() async throws {
    let rig = try ShareRig()
    try rig.add("Model")
    let basic = "Basic \(Base64.encode(Array("any:the key".utf8)))"
    try await withShare(rig) {
      $0.apiKeys = ["the key"]
    } _: { rig in
      for path in ["/v2/", "/v2/org/model/manifests/main", "/api/models", Self.file, "/", "/health"] {
        let reply = try await rig.get(path)
        #expect(reply.status == 401, "\(path)")
        #expect(reply.headers["www-authenticate"]?.hasPrefix("Basic") == true)
        #expect(try await rig.get(path, ["Authorization": "Bearer wrong"]).status == 401)
        #expect(try await rig.get(path, ["Authorization": "Basic %%%"]).status == 401)
        #expect(try await rig.get(path, ["Authorization": "Bearer the key"]).status != 401)
        #expect(try await rig.get(path, ["Authorization": basic]).status != 401)
      }
    }
  }

  @Test("the program pulls from a share as from a hub and as from a registry") func pulls() async throws {
    let rig = try ShareRig()
    let model = try rig.add("Model", variant: "q4")
    try await withShare(rig) {
      $0.apiKeys = ["key"]
    } _: { rig in
      let place = "127.0.0.1:\(rig.port)"
      let hub = try await rig.program(
        ["pull", "org/model", "--revision", "q4", "--all", "--endpoint", "http://\(place)", "--json"],
        ["HF_TOKEN": "key"])
      #expect(hub.status == 0, "\(hub.errors)")
      #expect(try JSONReader.parse(hub.output)["size_bytes"]?.intValue == model.byteCount)
      let registry = try await rig.program(
        ["pull", "oci://\(place)/org/model:q4", "--name", "copy", "--json"],
        ["IMPETUS_REGISTRY_USER": "x", "IMPETUS_REGISTRY_PASSWORD": "key"])
      #expect(registry.status == 0, "\(registry.errors)")
      #expect(try JSONReader.parse(registry.output)["digest"]?.stringValue == model.digest.description)
      #expect(try await rig.program(["pull", "oci://\(place)/org/model:q4"]).status == 4)
      let pushed = try await rig.program(
        ["push", "copy", "oci://\(place)/org/model:x"],
        ["IMPETUS_REGISTRY_USER": "x", "IMPETUS_REGISTRY_PASSWORD": "key"])
      #expect(pushed.status != 0)
    }
  }

  private static let skopeo = "/usr/bin/skopeo"

  @Test("skopeo copies from a share", .enabled(if: Files.isFile(skopeo))) func otherClients() async throws {
    let rig = try ShareRig()
    let model = try rig.add("Model")
    try await withShare(rig) { rig in
      let (place, folder) = ("127.0.0.1:\(rig.port)/org/model:main", rig.folder.path)
      let copied = try await blocking {
        try Support.Program.run(
          ["--insecure-policy", "copy", "--src-tls-verify=false", "docker://\(place)", "oci:\(folder)/copy:x"],
          of: Self.skopeo, environment: ["HOME": folder, "PATH": "/usr/bin"])
      }
      #expect(copied.status == 0, "\(copied.errors)")
      #expect(Files.isFile("\(folder)/copy/blobs/sha256/\(model.digest.hex)"))
    }
  }

  /// The hub's own client, where it is installed.
  private static let hf = Support.Program.searchPath.split(separator: ":").map { "\($0)/hf" }.first {
    Files.isFile($0)
  }

  @Test("the hub's own client downloads and verifies from a share", .enabled(if: hf != nil)) func hubClient()
    async throws
  {
    let rig = try ShareRig()
    let model = try rig.add("Model")
    try await withShare(rig) { rig in
      let environment = [
        "HF_ENDPOINT": "http://127.0.0.1:\(rig.port)", "HF_HOME": "\(rig.folder.path)/hf", "HOME": rig.folder.path,
        "PATH": Support.Program.searchPath, "HF_HUB_DISABLE_TELEMETRY": "1",
      ]
      for arguments in [["download", "Org/Model"], ["cache", "verify", "Org/Model"]] {
        let run = try await blocking {
          try Support.Program.run(arguments, of: Self.hf ?? "", environment: environment)
        }
        #expect(run.status == 0, "\(run.errors)")
      }
      let snapshot = "\(rig.folder.path)/hf/hub/models--Org--Model/snapshots/\(model.digest.hex.prefix(40))"
      #expect(try Files.read("\(snapshot)/model.safetensors") == ShareRig.weights)
    }
  }
}
