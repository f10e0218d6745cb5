// SPDX-License-Identifier: Apache-2.0
// A client's end of a connection, as plain as it gets: what a test sends is what arrives.

import Basics
import Glibc

/// Why a client gets no answer.
enum ClientProblem: Error, Equatable {
  case noThread
  case system(String, Int32)
  /// The other side ended the connection.
  case ended
  /// Nothing came for as long as a test waits.
  case timedOut
  case malformed(String)
}

/// Runs blocking work on a thread of its own, so that clients do not starve the server.
func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    let isStarted = NamedThread.start("client") { continuation.resume(with: Result(catching: work)) }
    if !isStarted { continuation.resume(throwing: ClientProblem.noThread) }
  }
}

/// A connection to a port of this machine. Calls block.
final class Socket: Sendable {
  private let descriptor: Int32

  /// - Parameter window: bytes of the receive buffer; nil leaves the system's choice.
  init(port: Int, window: Int32? = nil, patience: Int = 60) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw ClientProblem.system("socket", errno) }
    if var window { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &window, socklen_t(MemoryLayout<Int32>.size)) }
    var time = timeval(tv_sec: patience, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let failed = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard failed == 0 else { throw ClientProblem.system("connect", errno) }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw ClientProblem.ended }
      rest = rest.dropFirst(count)
    }
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// What has come; empty when the other side has ended.
  func receive() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    if count >= 0 { return Array(bytes[..<count]) }
    throw errno == EAGAIN ? ClientProblem.timedOut : ClientProblem.ended
  }

  /// Everything until the other side ends, which a reset does too.
  func receiveAll() throws -> [UInt8] {
    var all: [UInt8] = []
    do {
      while true {
        let bytes = try receive()
        if bytes.isEmpty { return all }
        all += bytes
      }
    } catch ClientProblem.ended { return all }
  }

  /// Says that nothing more will be sent or read.
  func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Says that nothing more will be sent.
  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}
