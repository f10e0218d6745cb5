// SPDX-License-Identifier: Apache-2.0
// What a server is started with.

public import Inference

/// Settings of a server, each with its default.
public struct ServerConfiguration: Sendable {
  /// Where to listen. Names and addresses are both fine; 0 takes a free port.
  public var host = "127.0.0.1"
  public var port = 8080
  /// Keys of which one must come with every request but `/health`; empty: no key is asked for.
  public var apiKeys: [String] = []
  /// The model of requests that name none; nil: they must.
  public var defaultModel: String?
  /// Models loaded at once, and their weights' bytes together; nil: what memory is available at the start.
  public var maximumModels = 3
  public var modelByteBudget: Int?
  /// How models are opened.
  public var modelOptions = LoadedModel.Options()
  /// How each model's engine works: requests answered together, and waiting.
  public var sessionOptions = Session.Options()
  /// Folder of a model that writes ahead for those of its vocabulary.
  public var draftFolder: String?
  /// Longest request body in bytes.
  public var bodyLimit = 32 << 20
  /// Connections open at once.
  public var connectionLimit = 512
  /// How long a connection may take to its first request, and rest between two.
  public var headerTimeout = Duration.seconds(10)
  public var idleTimeout = Duration.seconds(75)
  /// How long a request's body may take to arrive.
  public var bodyTimeout = Duration.seconds(120)
  /// How long a client may leave an answer unread once the buffers are full.
  public var stallTimeout = Duration.seconds(60)
  /// How long an answer may still take for a client that has closed its side; the connection ends after twenty times that.
  public var partingTime = Duration.milliseconds(250)
  /// How long answers under way may go on after the signal to end.
  public var drainTime = Duration.seconds(30)
  /// Web pages that may use the server besides those served from this machine, such as `https://example.org`.
  public var allowedOrigins: [String] = []
  /// Names under which the server may be addressed besides this machine's loopback names; `*` allows all.
  /// Only looked at while listening on a loopback address, where a foreign name means an attack.
  public var allowedHosts: [String] = []
  /// Refuses requests with fields that have no effect, instead of naming them in a header.
  public var isStrict = false

  /// The defaults: this machine only, no key.
  public init() {}

  /// Refuses settings no server can have.
  /// - Throws: `ServerProblem.invalidSetting`.
  public func validate() throws(ServerProblem) {
    try Self.check("the port", port, 0...65535)
    try Self.check("the number of models", maximumModels, 1...1024)
    try Self.check("the body limit", bodyLimit, 1024...(1 << 30))
    try Self.check("the connection limit", connectionLimit, 1...65535)
    guard apiKeys.allSatisfy({ !$0.isEmpty }) else {
      throw .invalidSetting(name: "an API key", value: "an empty one", allowed: "at least one character")
    }
  }

  private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ServerProblem) {
    guard range.contains(value) else {
      throw .invalidSetting(name: name, value: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
    }
  }
}
