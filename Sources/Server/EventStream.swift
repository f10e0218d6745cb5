// SPDX-License-Identifier: Apache-2.0
// Server-sent events as the API sends them: `data: {…}` and an empty line each, `data: [DONE]` at the end.

internal import Basics
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Writes events to a response. Its calls leave the caller's isolation, as Hummingbird's writers want it.
struct EventWriter {
  private var writer: any ResponseBodyWriter

  init(_ writer: any ResponseBodyWriter) { self.writer = writer }

  /// Sends one object.
  /// - Throws: when the client has gone.
  @concurrent mutating func send(_ value: JSONValue) async throws {
    var buffer = ByteBuffer(string: "data: ")
    buffer.writeBytes(JSONWriter.bytes(value))
    buffer.writeString("\n\n")
    try await writer.write(buffer)
  }

  /// Sends the mark of the end.
  @concurrent mutating func done() async throws { try await writer.write(ByteBuffer(string: "data: [DONE]\n\n")) }

  /// Ends the response.
  @concurrent func finish() async throws { try await writer.finish(nil) }
}

/// A response that is a stream of events.
enum EventStream {
  /// - Parameter body: sends the events and finishes; an error it throws cuts the stream off.
  static func response(
    headers: HTTPFields = [:], _ body: @escaping @Sendable @concurrent (inout EventWriter) async throws -> Void
  ) -> Response {
    var headers = headers
    headers[.contentType] = "text/event-stream; charset=utf-8"
    headers[.cacheControl] = "no-cache"
    // Proxies that buffer would hold the text back.
    headers[.noBuffering] = "no"
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        var events = EventWriter(writer)
        try await body(&events)
      })
  }
}
