// SPDX-License-Identifier: Apache-2.0
// Addresses of registries, good and bad.

import Basics
import Registry
import Testing

@Suite struct RegistryAddressTests {
  static let hex = String(repeating: "ab", count: 32)

  @Test(
    "an address has a host, a repository and a version",
    arguments: [
      ("oci://localhost:5000/a", "localhost:5000", "a", ""), ("oci://ghcr.io/me/model:q4", "ghcr.io", "me/model", "q4"),
      ("OCI://Host.Example/a/b-c/d_e:V1.0_x", "host.example", "a/b-c/d_e", "V1.0_x"),
      ("oci://[::1]:5000/a__b/c---d:x", "[::1]:5000", "a__b/c---d", "x"),
      ("oci://h/a@sha256:\(hex)", "h", "a", "sha256:\(hex)"), ("oci://h/a:t@sha256:\(hex)", "h", "a", "sha256:\(hex)"),
    ])
  func good(text: String, host: String, repository: String, version: String) throws {
    let address = try RegistryAddress(text)
    #expect(address.host == host)
    #expect(address.repository == repository)
    #expect((address.version?.description ?? "") == version)
  }

  @Test(
    "what could lead elsewhere is no address",
    arguments: [
      "oci://", "oci://h", "oci:///a", "oci://h/", "oci://h/A", "oci://h/a/../b", "oci://h/a//b", "oci://h/a/",
      "oci://h/-a", "oci://h/a.", "oci://h/a..b", "oci://h/a._b", "oci://h/a___b", "oci://h/a:", "oci://h/a:.x",
      "oci://h/a:x/y", "oci://h/a@sha256:12", "oci://h/a@md5:ab", "oci://user@h/a", "oci://h:port/a",
      "oci://h:99999999/a",
      "oci://h?x/a", "oci://h /a", "oci://h/a?b", "oci://h/a%2f", "oci://h/ä",
      "oci://h/a:\(String(repeating: "x", count: 129))",
      "oci://h/\(String(repeating: "x", count: 256))", "http://h/a", "h/a", "",
    ])
  func bad(text: String) {
    #expect(throws: RegistryProblem.self) { try RegistryAddress(text) }
  }

  @Test("only this machine's own names are asked without encryption")
  func loopback() throws {
    for host in ["localhost", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "a.localhost:1"] {
      #expect(try RegistryAddress("oci://\(host)/a").isLoopback, "\(host)")
    }
    for host in ["localhost.example", "127.0.0.1.example", "10.0.0.1", "128.0.0.1", "[fe80::1]", "registry:5000"] {
      #expect(try !RegistryAddress("oci://\(host)/a").isLoopback, "\(host)")
    }
  }
}
