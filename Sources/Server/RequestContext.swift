// SPDX-License-Identifier: Apache-2.0
// What accompanies a request on its way through the server.

internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// A request's surroundings.
struct ServerContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// The client's name for the request, or ours.
  var requestID = ""

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}

/// What a middleware calls to go on. Hummingbird's type, spelled out since functions here inherit isolation.
typealias Next = @concurrent (Request, ServerContext) async throws -> Response

extension HTTPField.Name {
  /// A header of this server's own; the names are literals below.
  private static func own(_ name: String) -> HTTPField.Name {
    guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header name") }
    return field
  }

  static let requestID = own("X-Request-Id")
  static let ignoredFields = own("X-Impetus-Ignored")
  static let apiKey = own("X-Api-Key")
  static let noBuffering = own("X-Accel-Buffering")
}
