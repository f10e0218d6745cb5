// SPDX-License-Identifier: Apache-2.0
// From values to responses, and from request bodies to values.

internal import Basics
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

extension Response {
  /// A JSON document.
  init(_ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
    var headers = headers
    headers[.contentType] = "application/json"
    self.init(
      status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSONWriter.bytes(value))))
  }

  /// An error.
  init(_ error: APIError) {
    var headers = HTTPFields()
    if let seconds = error.retryAfter { headers[.retryAfter] = "\(seconds)" }
    if let methods = error.allow { headers[.allow] = methods }
    if error.status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
    self.init(error.json, status: error.status, headers: headers)
  }

  /// Plain text.
  init(text: String, type: String = "text/plain; charset=utf-8") {
    self.init(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}

extension Request {
  /// The body as JSON.
  /// - Parameter limit: most bytes; the length a client announces is looked at before anything is read.
  /// - Throws: `APIError` with 415, 413 or 400.
  func json(limit: Int) async throws -> JSONValue {
    let type = headers[.contentType]?.split(separator: ";").first.map { $0.trimmed.lowercased() }
    guard type == "application/json" else {
      throw APIError(
        .unsupportedMediaType, "The Content-Type must be application/json.", code: "unsupported_content_type")
    }
    let tooLarge = APIError(
      .contentTooLarge, "The request body is larger than \(limit) bytes.", code: "request_too_large")
    if let announced = headers[.contentLength], (Int(announced) ?? .max) > limit { throw tooLarge }
    var bytes: [UInt8] = []
    do {
      for try await part in body {
        guard bytes.count + part.readableBytes <= limit else { throw tooLarge }
        bytes.append(contentsOf: part.readableBytesView)
      }
    } catch let error as APIError {
      throw error
    } catch {
      throw APIError(.badRequest, "The request body cannot be read to its end.", code: "invalid_body")
    }
    do {
      return try JSONReader.parse(bytes, limits: JSONLimits(depth: 128, byteCount: limit))
    } catch {
      throw APIError(.badRequest, "The request body is not valid JSON: \(error).", code: "invalid_json")
    }
  }
}

extension Substring {
  /// Without the blanks around it.
  var trimmed: Substring {
    var text = drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
