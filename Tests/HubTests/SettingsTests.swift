// SPDX-License-Identifier: Apache-2.0
// Names, settings, patterns and the choice of files: no network.

import Basics
import Hub
import Support
import Testing

@Suite struct NameTests {
  @Test("repository names", arguments: ["gpt2", "org/model", "HuggingFaceTB/SmolLM2-135M-Instruct", "a_b/c.d-e"])
  func good(_ text: String) throws { #expect(try RepoID(text).description == text) }

  @Test(
    "no repository names",
    arguments: [
      "", "a/b/c", "/a", "a/", "..", "a/..", "a/b..c", "-a/b", "a/b-", "a/.b", "a b", "a/b\n", "a/b.git", "ä/b",
      "a--b/c",
      String(repeating: "x", count: 97),
    ])
  func bad(_ text: String) { #expect(throws: HubProblem.self) { try RepoID(text) } }

  @Test("revisions", arguments: ["main", "v1.0", "refs/pr/12", "feature/x", "abc1234"])
  func revision(_ text: String) throws { #expect(try Revision(text).description == text) }

  @Test("no revisions", arguments: ["", "..", "a..b", "/a", "a/", "a b", "-x", "a\nb", "a//b", "a~1", "a:b"])
  func noRevision(_ text: String) { #expect(throws: HubProblem.self) { try Revision(text) } }

  @Test("addresses compare by scheme, host and port") func origins() throws {
    let a = try #require(WebAddress("HTTPS://Hub.example/x"))
    #expect(a.origin == WebAddress("https://hub.EXAMPLE:443/y")?.origin)
    #expect(a.origin != WebAddress("http://hub.example/x")?.origin)
    #expect(a.origin != WebAddress("https://hub.example:8443/x")?.origin)
    #expect(a.origin != WebAddress("https://hub.example.evil/x")?.origin)
    #expect(WebAddress("https://hub.example@evil.example/")?.origin.host == "evil.example")
    #expect(a.resolving("/z?q=1")?.origin == a.origin)
    #expect(a.resolving("/z?q=1")?.text.hasSuffix("/z?q=1") == true)
    #expect(a.resolving("//cdn.example/z")?.origin.host == "cdn.example")
  }

  @Test(
    "no addresses",
    arguments: ["", "hub", "file:///etc/passwd", "ftp://x/", "http://", "http://a b/", "https://x/\r\nHost: y"])
  func noAddress(_ text: String) { #expect(WebAddress(text) == nil) }
}

@Suite struct SettingsTests {
  @Test("the endpoint loses its slashes and may have a path") func endpoint() throws {
    #expect(try HubSettings(environment: [:]).endpoint.origin.host == "huggingface.co")
    #expect(try HubSettings(environment: ["HF_ENDPOINT": "http://m/hf//"]).endpoint.text == "http://m/hf")
    #expect(throws: HubProblem.self) { try HubSettings(environment: ["HF_ENDPOINT": "ftp://m"]) }
  }

  @Test("tokens in their order") func tokens() throws {
    let folder = try TemporaryFolder()
    try folder.write(" hf_file \n", to: "home/token")
    try folder.write("hf_path", to: "token")
    let home = "\(folder.path)/home"
    func source(_ environment: [String: String]) throws -> String? {
      try HubSettings(environment: environment).token?.source
    }
    #expect(try source(["HF_TOKEN": "a", "HUGGING_FACE_HUB_TOKEN": "b", "HF_HOME": home]) == "HF_TOKEN")
    #expect(
      try source(["HF_TOKEN": " \n", "HUGGING_FACE_HUB_TOKEN": "b", "HF_HOME": home]) == "HUGGING_FACE_HUB_TOKEN")
    #expect(try source(["HF_HOME": home]) == "\(home)/token")
    #expect(try source(["HF_HOME": home, "HF_TOKEN_PATH": "\(folder.path)/token"]) == "\(folder.path)/token")
    #expect(try source(["HF_HOME": "$BASE/home", "BASE": folder.path]) == "\(home)/token")
    #expect(try source(["HF_HOME": "~/home", "HOME": folder.path]) == "\(home)/token")
    #expect(try source(["HF_HOME": home, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]) == nil)
    #expect(try source(["HOME": folder.path]) == nil)
    #expect(throws: HubProblem.self) { try source(["HF_TOKEN": "a\r\nX-Evil: 1"]) }
  }

  @Test(
    "switches are on for four words in any case",
    arguments: [("1", true), ("on", true), ("Yes", true), ("TRUE", true), ("0", false), ("", false)])
  func offline(_ text: String, _ isOn: Bool) throws {
    #expect((try HubSettings(environment: ["HF_HUB_OFFLINE": text]).offlineBecause != nil) == isOn)
  }

  @Test("proxies and certificates by both families of names") func network() {
    let upper = NetworkSettings(environment: [
      "HTTPS_PROXY": "p1", "HTTP_PROXY": "p2", "NO_PROXY": "x", "REQUESTS_CA_BUNDLE": "/ca",
    ])
    #expect(
      upper.secureProxy == "p1" && upper.plainProxy == "p2" && upper.direct == "x" && upper.authorityFile == "/ca")
    let lower = NetworkSettings(environment: [
      "https_proxy": "p1", "HTTPS_PROXY": "no", "all_proxy": "p3", "SSL_CERT_FILE": "/a", "CURL_CA_BUNDLE": "/b",
    ])
    #expect(lower.secureProxy == "p1" && lower.plainProxy == "p3" && lower.authorityFile == "/a")
    let folder = NetworkSettings(environment: ["CURL_CA_BUNDLE": "/tmp", "HTTP_PROXY": "evil", "REQUEST_METHOD": "GET"])
    #expect(folder.authorityFolder == "/tmp" && folder.authorityFile == nil && folder.plainProxy == nil)
  }

  @Test("pauses double up to the longest, with jitter of a half") func backOff() {
    let policy = RetryPolicy(base: .seconds(1), longest: .seconds(8))
    #expect(policy.pause(afterFailure: 1, random: 0) == .milliseconds(500))
    #expect(policy.pause(afterFailure: 3, random: 1) == .seconds(4))
    #expect(policy.pause(afterFailure: 60, random: 1) == .seconds(8))
  }
}

@Suite struct PatternTests {
  @Test(
    "patterns match as Python's fnmatch",
    arguments: [
      ("*.json", "config.json", true), ("*.json", "a/b.json", true), ("*.JSON", "a.json", false),
      ("config.json", "config.json", true),
      ("?.txt", "a.txt", true), ("?.txt", "ab.txt", false), ("[ab].c", "b.c", true), ("[!ab].c", "b.c", false),
      ("[a-c]x", "bx", true),
      ("[]]x", "]x", true), ("[a", "[a", true), ("[z-a]x", "zx", false), ("onnx/", "onnx/a/b", true),
      ("onnx/", "onnx", false),
      ("a\\b", "a/b", true), ("*a*b*c", "xxaxxbxxc", true), ("*a*b*c", "xxaxxbxx", false), ("", "", true),
      ("*", "", true), ("**", "x/y", true),
      ("[!]]x", "ax", true), ("[a-]x", "-x", true), ("[", "[", true), ("[]", "[]", true),
    ])
  func matches(_ pattern: String, _ path: String, _ expected: Bool) {
    #expect(FilePattern(pattern).matches(path) == expected)
  }

  @Test("a pattern full of stars ends quickly") func manyStars() {
    let pattern = FilePattern(String(repeating: "*a", count: 200) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 5000)))
  }
}

@Suite struct SelectionTests {
  private func listing(_ names: String...) throws -> RepoListing {
    let id = GitObjectID(String(repeating: "a", count: 40))!
    let files = try names.map { RepoFile(path: try RepoPath($0), byteCount: 10, identity: .gitBlob(id)) }
    return try RepoListing(
      repository: RepoID("o/n"), commit: CommitID(String(repeating: "b", count: 40))!, files: files)
  }

  private func taken(_ selection: Selection, _ listing: RepoListing) -> [String] {
    selection.apply(to: listing).taken.map(\.path.description)
  }

  @Test("running takes configuration, tokenizer, safetensors and texts, and says what stays") func running() throws {
    let listing = try listing(
      ".gitattributes", "LICENSE", "README.md", "config.json", "consolidated.safetensors", "flax_model.msgpack",
      "generation_config.json", "merges.txt", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
      "model.safetensors.index.json", "modeling_x.py", "onnx/model.onnx", "original/consolidated.00.pth",
      "pytorch_model.bin", "pytorch_model.bin.index.json", "picture.png", "tokenizer.json", "tokenizer.model",
      "x-Q4.gguf",
      "chat_template.jinja", "1_Pooling/config.json", "additional_chat_templates/tool.jinja")
    #expect(
      taken(Selection(), listing) == [
        "1_Pooling/config.json", "LICENSE", "README.md", "additional_chat_templates/tool.jinja", "chat_template.jinja",
        "config.json",
        "generation_config.json", "merges.txt", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json", "tokenizer.json", "tokenizer.model",
      ])
    let leftOut = Dictionary(
      uniqueKeysWithValues: Selection().apply(to: listing).leftOut.map { ($0.file.path.description, $0.reason) })
    #expect(leftOut["pytorch_model.bin"] == .duplicateFormat)
    #expect(leftOut["x-Q4.gguf"] == .duplicateFormat)
    #expect(leftOut["consolidated.safetensors"] == .duplicateWeights)
    #expect(leftOut["modeling_x.py"] == .code)
    #expect(leftOut["picture.png"] == .notNeeded)
  }

  @Test("a lone GGUF is the model; of several none is chosen") func gguf() throws {
    #expect(taken(Selection(), try listing("README.md", "m.gguf")) == ["README.md", "m.gguf"])
    #expect(taken(Selection(), try listing("README.md", "m-Q4.gguf", "m-Q8.gguf")) == ["README.md"])
  }

  @Test("patterns choose instead, and exclusion comes last") func patterns() throws {
    let listing = try listing("a.bin", "b.bin", "c.json", "d/e.json")
    #expect(taken(Selection(include: ["*.bin"]), listing) == ["a.bin", "b.bin"])
    #expect(taken(Selection(include: ["*.bin", "d/"], exclude: ["b*"]), listing) == ["a.bin", "d/e.json"])
    #expect(taken(Selection(everything: true), listing).count == 4)
    #expect(taken(Selection(exclude: ["c*"], everything: true), listing).count == 3)
  }
}
