// SPDX-License-Identifier: Apache-2.0
// A client of a server under test: each call is a connection of its own.

import Basics
import Server
import Support

/// Asks a running server.
struct Client: Sendable {
  let port: Int
  let serving: Serving

  /// The model most tests ask for.
  static let model = "tiny/llama"

  /// The bytes of a request.
  func request(
    _ method: String, _ path: String, _ headers: [String: String] = [:], body: [UInt8]? = nil
  ) -> [UInt8] {
    var fields = ["Host": "127.0.0.1:\(port)", "Connection": "close"]
    if let body {
      fields["Content-Length"] = "\(body.count)"
      fields["Content-Type"] = "application/json"
    }
    fields.merge(headers) { $1 }
    let lines = fields.filter { !$0.value.isEmpty }.map { "\($0.key): \($0.value)\r\n" }.sorted().joined()
    return Array("\(method) \(path) HTTP/1.1\r\n\(lines)\r\n".utf8) + (body ?? [])
  }

  func send(
    _ method: String, _ path: String, _ headers: [String: String] = [:], body: [UInt8]? = nil
  ) async throws -> Reply {
    try await Reply.asking(port: port, request(method, path, headers, body: body), hasBody: method != "HEAD")
  }

  func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Reply {
    try await send("GET", path, headers)
  }

  func post(_ path: String, _ body: JSONValue, _ headers: [String: String] = [:]) async throws -> Reply {
    try await send("POST", path, headers, body: JSONWriter.bytes(body))
  }

  /// The body of a chat request: greedy, and without the tokens that would end it, unless told otherwise.
  static func chat(_ text: String = "Say something.", _ fields: JSONObject = [:]) -> JSONValue {
    body(["messages": [["role": "user", "content": .string(text)]], "max_tokens": 24], fields)
  }

  /// The same for plain completions.
  static func completion(_ prompt: JSONValue = "Once upon", _ fields: JSONObject = [:]) -> JSONValue {
    body(["prompt": prompt], fields)
  }

  private static func body(_ own: JSONObject, _ fields: JSONObject) -> JSONValue {
    let common: JSONObject = ["model": .string(model), "temperature": 0, "logit_bias": ["0": -100, "2": -100]]
    return .object(common.merging(own).merging(fields))
  }

  func chat(_ text: String = "Say something.", _ fields: JSONObject = [:]) async throws -> Reply {
    try await post("/v1/chat/completions", Self.chat(text, fields))
  }

  func complete(_ prompt: JSONValue = "Once upon", _ fields: JSONObject = [:]) async throws -> Reply {
    try await post("/v1/completions", Self.completion(prompt, fields))
  }

  /// A chat's stream of which the first chunk is here.
  func begin(_ fields: JSONObject = [:]) async throws -> BegunStream {
    let body = Self.chat("Hi", (["stream": true] as JSONObject).merging(fields))
    let request = request("POST", "/v1/chat/completions", body: JSONWriter.bytes(body))
    return try await blocking { [port] in try BegunStream(port: port, request) }
  }

  /// The value of a metric's first line that begins so; nil when there is none.
  func metric(_ line: String) async throws -> Double? {
    let page = try await get("/metrics").text
    return page.split(separator: "\n").first { $0.hasPrefix(line) }?.split(separator: " ").last.flatMap { Double($0) }
  }

  /// Waits until an open request is being answered.
  func untilBusy() async throws {
    try await eventually { (try await self.metric("impetus_requests_running") ?? 0) > 0 }
  }

  /// Waits until nothing is being answered any more.
  func untilIdle() async throws {
    try await eventually {
      let running = try await self.metric("impetus_requests_running")
      let waiting = try await self.metric("impetus_requests_waiting")
      return running == 0 && waiting == 0
    }
  }
}

/// An answer that has begun to come, on a connection of its own.
struct BegunStream: Sendable {
  private let socket: Socket
  private let reader: ReplyReader

  /// Asks for an answer and reads its head and its first chunk.
  init(port: Int, _ request: [UInt8]) throws {
    socket = try Socket(port: port)
    try socket.send(request)
    var reader = ReplyReader(socket)
    let head = try reader.head()
    guard head.status == 200, try reader.chunk() != nil else { throw ClientProblem.ended }
    self.reader = reader
  }

  /// Whether another chunk comes after the first.
  func goesOn() throws -> Bool {
    var reader = reader
    return try reader.chunk() != nil
  }

  /// Goes away without reading the rest.
  func leave() { socket.end() }

  /// Reads on to the end: how many chunks came, and whether the last was the `[DONE]` of a whole answer.
  func rest() throws -> (chunks: Int, isWhole: Bool) {
    var reader = reader
    var chunks = 0
    var last: [UInt8] = []
    do {
      while let chunk = try reader.chunk() {
        chunks += 1
        last = chunk
      }
    } catch ClientProblem.ended {}
    return (chunks, String(decoding: last, as: UTF8.self).hasSuffix("data: [DONE]\n\n"))
  }
}

extension JSONObject {
  /// With the fields of another, which count more.
  func merging(_ other: JSONObject) -> JSONObject {
    var merged = self
    for (key, value) in other { merged[key] = value }
    return merged
  }
}

extension JSONValue {
  /// An element of an array.
  subscript(place: Int) -> JSONValue? {
    guard let array = arrayValue, array.indices.contains(place) else { return nil }
    return array[place]
  }

  /// The text of a chat answer's choice.
  func message(_ choice: Int = 0) -> String? { self["choices"]?[choice]?["message"]?["content"]?.stringValue }
  /// The text of a completion's choice.
  func text(_ choice: Int = 0) -> String? { self["choices"]?[choice]?["text"]?.stringValue }
  func finishReason(_ choice: Int = 0) -> String? { self["choices"]?[choice]?["finish_reason"]?.stringValue }
}
