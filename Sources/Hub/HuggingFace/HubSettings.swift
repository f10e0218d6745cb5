// SPDX-License-Identifier: Apache-2.0
// Where the hub is, who asks, and how patiently: from the environment that the hub's own client
// reads, each value to be overridden by an option.

/// Settings of a hub client.
public struct HubSettings: Sendable {
  /// The hub's address without a final slash; it may carry a path.
  public var endpoint: WebAddress
  /// Hubs with the same models, asked in their order when the endpoint fails. They get no token.
  public var mirrors: [WebAddress] = []
  /// Sent to the endpoint's own scheme, host and port, and nowhere else.
  public var token: Token?
  /// The name of the setting that forbids every request; nil when the network may be used.
  public var offlineBecause: String?
  /// Proxies, trust, rate limit.
  public var network: NetworkSettings
  /// Patience for questions to the hub.
  public var questionPatience: Patience
  /// Patience for file bytes: their deadline grows with their number.
  public var bytePatience: Patience
  /// Who uses this program, for the `User-Agent` header.
  var agentOrigin: String?
  /// When and how often failed requests are tried again.
  public var retry = RetryPolicy()

  /// The public hub's address.
  public static let publicEndpoint = "https://huggingface.co"

  /// Reads `HF_ENDPOINT`, the token variables and file, `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`,
  /// `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`, `HF_HUB_USER_AGENT_ORIGIN` and the network's variables.
  ///
  /// - Parameters:
  ///   - endpoint: Overrides `HF_ENDPOINT`.
  ///   - token: Overrides every other token.
  /// - Throws: `HubProblem.invalidSetting`, or `.file` for a token file that cannot be read.
  public init(
    environment: [String: String], endpoint: String? = nil, token: Token? = nil
  ) throws(HubProblem) {
    let hub = HubEnvironment(environment)
    let name = endpoint == nil ? "HF_ENDPOINT" : "the endpoint"
    self.endpoint = try Self.address(endpoint ?? hub["HF_ENDPOINT"] ?? Self.publicEndpoint, name: name)
    self.token = if let token { token } else { try Token.implicit(hub) }
    offlineBecause = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first { hub.isOn($0) }
    network = NetworkSettings(environment: environment)
    agentOrigin = hub["HF_HUB_USER_AGENT_ORIGIN"].flatMap { Self.isPlain($0) ? $0 : nil }
    questionPatience = Patience(stall: hub.seconds("HF_HUB_ETAG_TIMEOUT") ?? .seconds(10))
    bytePatience = Patience(stall: hub.seconds("HF_HUB_DOWNLOAD_TIMEOUT") ?? .seconds(10))
  }

  /// Whether a text may stand in a header.
  private static func isPlain(_ text: String) -> Bool {
    text.utf8.count <= 200 && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x3B }
  }

  /// A hub's address as it is written in the setting `name`.
  /// - Throws: `HubProblem.invalidSetting` for anything that is no http or https address.
  public static func address(_ text: String, name: String) throws(HubProblem) -> WebAddress {
    var text = text.trimmingBlanks
    while text.hasSuffix("/") { text.removeLast() }
    guard let address = WebAddress(text), !text.contains("?"), !text.contains("#") else {
      throw .invalidSetting(name: name, why: "\"\(text)\" is not an http or https address")
    }
    return address
  }

  /// These settings for one of the mirrors.
  func mirror(_ address: WebAddress) -> HubSettings {
    var settings = self
    (settings.endpoint, settings.mirrors, settings.token) = (address, [], nil)
    return settings
  }

  /// Settings for a server that is no hub: no token, patience as given.
  package init(endpoint: WebAddress, network: NetworkSettings) {
    self.endpoint = endpoint
    token = nil
    self.network = network
    questionPatience = Patience(stall: .seconds(20))
    bytePatience = Patience(stall: .seconds(10))
  }

  /// An address below the endpoint; `path` is encoded already and begins with `/`.
  package func address(_ path: String) -> WebAddress? { WebAddress(endpoint.below(path)) }
}
