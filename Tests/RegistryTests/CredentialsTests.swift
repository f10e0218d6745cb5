// SPDX-License-Identifier: Apache-2.0
// Where credentials are found, and that they do not show.

import Basics
import Registry
import Support
import Testing

@Suite struct CredentialsTests {
  static func auth(_ user: String, _ password: String) -> String { Base64.encode(Array("\(user):\(password)".utf8)) }

  /// Searches with a file as docker's.
  private func search(
    _ json: String, _ address: String = "oci://host:5000/org/model", environment: [String: String] = [:]
  ) throws -> CredentialSearch.Found {
    let folder = try TemporaryFolder()
    let path = try folder.write(json, to: "docker/config.json")
    var environment = environment
    environment["DOCKER_CONFIG"] = Files.parent(of: path)
    return try CredentialSearch.find(RegistryAddress(address), environment: environment)
  }

  @Test("the environment comes first, then the files of docker and podman")
  func order() throws {
    let file = "{\"auths\":{\"host:5000\":{\"auth\":\"\(Self.auth("me", "secret"))\"}}}"
    #expect(try search(file).credentials?.source.hasSuffix("docker/config.json") == true)
    let variables = ["IMPETUS_REGISTRY_USER": "you", "IMPETUS_REGISTRY_PASSWORD": "other"]
    #expect(try search(file, environment: variables).credentials?.source == "IMPETUS_REGISTRY_PASSWORD")
    let token = ["IMPETUS_REGISTRY_TOKEN": "t"]
    #expect(try search(file, environment: token).credentials?.source == "IMPETUS_REGISTRY_TOKEN")
    #expect(throws: RegistryProblem.self) { try search(file, environment: ["IMPETUS_REGISTRY_PASSWORD": "x"]) }
    #expect(throws: RegistryProblem.self) { try search(file, environment: ["REGISTRY_AUTH_FILE": "/nowhere"]) }
    let folder = try TemporaryFolder()
    let podman = try folder.write(file, to: "containers/auth.json")
    let found = try search("{}", environment: ["XDG_RUNTIME_DIR": folder.path])
    #expect(found.credentials?.source == podman)
    #expect(try search("{}", environment: ["REGISTRY_AUTH_FILE": podman]).credentials?.source == podman)
  }

  @Test("the closest entry counts, whatever its spelling")
  func entries() throws {
    let auth = Self.auth("me", "secret")
    for key in [
      "host:5000", "https://host:5000", "https://host:5000/v2/", "host:5000/org", "host:5000/org/model", "HOST:5000",
    ] {
      #expect(try search("{\"auths\":{\"\(key)\":{\"auth\":\"\(auth)\"}}}").credentials != nil, "\(key)")
    }
    for key in ["host", "host:5001", "host:5000/other", "host:5000/org/mod", "xhost:5000", ""] {
      #expect(try search("{\"auths\":{\"\(key)\":{\"auth\":\"\(auth)\"}}}").credentials == nil, "\(key)")
    }
    let docker = "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"\(auth)\"}}}"
    #expect(try search(docker, "oci://docker.io/me/model").credentials != nil)
    #expect(try search("{\"auths\":{\"host:5000\":{}},\"credsStore\":\"desktop\"}").helper == "desktop")
    #expect(try search("{\"credHelpers\":{\"host:5000\":\"gcloud\"}}").helper == "gcloud")
  }

  @Test(
    "files that are none are named",
    arguments: [
      "", "[", "{\"auths\":{\"host:5000\":{\"auth\":\"%%\"}}}",
      "{\"auths\":{\"host:5000\":{\"auth\":\"bm9jb2xvbg==\"}}}",
      "{\"auths\":{\"host:5000\":{\"identitytoken\":\"a\\nb\"}}}",
    ])
  func damaged(json: String) {
    #expect(throws: RegistryProblem.self) { try search(json) }
  }

  @Test("a secret shows in no description and no dump")
  func secrecy() throws {
    let found = try search("{\"auths\":{\"host:5000\":{\"auth\":\"\(Self.auth("me", "hunter2"))\"}}}")
    let credentials = try #require(found.credentials)
    var dumped = ""
    dump(credentials, to: &dumped)
    dump(found, to: &dumped)
    for text in ["\(credentials)", String(reflecting: credentials), "\(found)", dumped] {
      #expect(!text.contains("hunter2") && !text.contains(Self.auth("me", "hunter2")), "\(text)")
    }
  }
}
