// SPDX-License-Identifier: Apache-2.0
// A certificate authority of one's own, made by openssl, and a server with its certificate that answers with files.

import Basics
public import Glibc

/// An authority that nobody knows but the test.
public final class PrivateAuthority: Sendable {
  private let folder: TemporaryFolder
  /// PEM file of its certificate.
  public var certificate: String { "\(folder.path)/authority.pem" }

  /// Makes the authority, and a certificate of it for 127.0.0.1 and no name.
  public init() throws {
    folder = try TemporaryFolder("impetus-tls")
    let path = folder.path
    try Self.openssl([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
      "/CN=Private", "-keyout", "\(path)/authority.key", "-out", "\(path)/authority.pem",
    ])
    try Self.openssl([
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=hub", "-keyout",
      "\(path)/server.key", "-out", "\(path)/server.csr",
    ])
    try folder.write("subjectAltName=IP:127.0.0.1\n", to: "names")
    try Self.openssl([
      "x509", "-req", "-in", "\(path)/server.csr", "-CA", "\(path)/authority.pem", "-CAkey", "\(path)/authority.key",
      "-CAcreateserial", "-days", "2", "-extfile", "\(path)/names", "-out", "\(path)/server.pem",
    ])
  }

  private static func openssl(_ arguments: [String]) throws {
    let run = try Program.run(arguments, of: "/usr/bin/openssl")
    guard run.status == 0 else {
      throw FileProblem.wrongKind(path: "openssl \(arguments[0])", expected: "successful: \(run.errors)")
    }
  }

  /// Serves over TLS: each answer is a file with head and body, named like the request's path and query.
  /// - Returns: the port, and the process to be ended.
  public func serve(_ answers: [String: String]) throws -> (port: Int, process: pid_t) {
    let root = "\(folder.path)/answers-\(Files.uniqueSuffix())"
    for (target, answer) in answers { try folder.write(answer, to: "\(Files.name(of: root))\(target)") }
    let port = try Self.freePort()
    let (key, certificate) = ("\(folder.path)/server.key", "\(folder.path)/server.pem")
    let command =
      "cd \(root) && exec openssl s_server -quiet -HTTP -accept 127.0.0.1:\(port) -key \(key) -cert \(certificate)"
    let process = try Program.start("/bin/sh", ["-c", command], environment: ["PATH": Program.searchPath])
    try waitUntil { Self.answers(port) }
    return (port, process)
  }

  private static func freePort() throws -> Int {
    let server = try HTTPServer { _, _ in false }
    defer { server.stop() }
    return server.port
  }

  private static func answers(_ port: Int) -> Bool {
    let one = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(one) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(one, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
