// SPDX-License-Identifier: Apache-2.0
// Carries one request to its end: through gates, along redirects, with the token only where it
// belongs. Redirects are followed by hand so that the headers of every hop are decided anew.

internal import Basics
internal import Glibc

/// Why one attempt brought nothing, and whether another may.
package enum FetchFailure: Error, Sendable {
  /// Trying again cannot help.
  case final(HubProblem)
  /// Trying again may help, after `wait` where the server named a time.
  case transient(HubProblem, wait: Duration?)
  /// The server took a range request for a whole one.
  case rangeIgnored

  /// The problem to show when no further attempt is made.
  package var problem: HubProblem {
    switch self {
    case .final(let problem), .transient(let problem, _): problem
    case .rangeIgnored: .wrongBytes(path: "the range", why: "the server ignores ranges")
    }
  }
}

/// The answer at the end of a chain of redirects.
package struct Delivery: Sendable {
  package let response: Response
  /// The address that answered.
  package let address: WebAddress
  /// The answers of the hub itself on the way: they carry a file's metadata.
  package let hubHeads: [ResponseHead]
  /// Where a redirect led that was not followed.
  package var next: WebAddress?
}

/// Who decides what is shown to an endpoint that asks for credentials, where these change on the way.
package protocol Authority: Sendable {
  /// The value of the `Authorization` header for the endpoint itself; nil sends none.
  func authorization() async -> String?
  /// Looks for other credentials after a 401.
  /// - Parameter refused: the header that was sent.
  /// - Returns: whether asking again makes sense.
  func renew(after head: ResponseHead, refused: String?) async throws(FetchFailure) -> Bool
}

/// Follows requests for one endpoint.
package struct Courier: Sendable {
  package let settings: HubSettings
  package let transfer: Transfer
  let gates: OriginGates
  /// Takes the place of the settings' token.
  let authority: (any Authority)?
  /// Told about waiting and trying again.
  let notice: @Sendable (DownloadEvent) -> Void

  package init(
    settings: HubSettings, transfer: Transfer, gates: OriginGates = OriginGates(), authority: (any Authority)? = nil,
    notice: @escaping @Sendable (DownloadEvent) -> Void
  ) {
    self.settings = settings
    self.transfer = transfer
    self.gates = gates
    self.authority = authority
    self.notice = notice
  }

  /// At most this many hops; a chain that repeats an address ends at once.
  static let hopLimit = 10
  /// A request is repeated at most this often with renewed credentials.
  static let renewalLimit = 2

  /// Asks `address`, follows redirects, and returns the first answer that is none.
  ///
  /// Failures below HTTP, 408, 429 and 5xx are thrown; every other status is the caller's.
  /// - Parameters:
  ///   - expecting: bytes that are to come into the sink: they extend the deadline.
  ///   - stopAtForeign: Returns the redirect that leads to another server instead of following it.
  package func carry(
    _ address: WebAddress, method: Request.Method = .get, headers: [Header] = [], upload: UploadBody? = nil,
    patience: Patience, bodyLimit: Int, acceptsCompression: Bool = false, into sink: (any BodySink)? = nil,
    expecting byteCount: Int = 0, stopAtForeign: Bool = false
  ) async throws(FetchFailure) -> Delivery {
    var address = address
    var seen: Set<WebAddress> = []
    var hubHeads: [ResponseHead] = []
    var renewals = 0
    while true {
      guard seen.insert(address).inserted else { throw redirectFault(address, "they go in a circle") }
      guard seen.count <= Self.hopLimit + 1 else { throw redirectFault(address, "more than \(Self.hopLimit) of them") }
      let authorization = await authorization(for: address)
      var request = Request(
        address, headers: allHeaders(authorization, headers), patience: patience, bodyLimit: bodyLimit)
      request.method = method
      request.upload = upload
      request.acceptsCompression = acceptsCompression
      request.expectedByteCount = byteCount
      let response = try await send(request, into: sink)
      if response.head.status == 401, isOwn(address), let authority, renewals < Self.renewalLimit {
        renewals += 1
        if try await authority.renew(after: response.head, refused: authorization) {
          seen.remove(address)
          continue
        }
      }
      if isOwn(address) { hubHeads.append(response.head) }
      guard [301, 302, 303, 307, 308].contains(response.head.status) else {
        try throwTransient(response, address)
        return Delivery(response: response, address: address, hubHeads: hubHeads)
      }
      let next = try target(of: response.head, from: address)
      if stopAtForeign && !isOwn(next) {
        return Delivery(response: response, address: address, hubHeads: hubHeads, next: next)
      }
      address = next
    }
  }

  /// Whether an address belongs to the endpoint: same scheme, host and port.
  package func isOwn(_ address: WebAddress) -> Bool { address.origin == settings.endpoint.origin }

  /// Nothing for a foreign address: credentials belong to the endpoint alone.
  private func authorization(for address: WebAddress) async -> String? {
    guard isOwn(address) else { return nil }
    if let authority { return await authority.authorization() }
    return settings.token?.authorization
  }

  private func allHeaders(_ authorization: String?, _ wanted: [Header]) -> [Header] {
    var headers = [Header("User-Agent", userAgent)] + wanted
    if let authorization { headers.append(Header("Authorization", authorization)) }
    return headers
  }

  private var userAgent: String {
    settings.agentOrigin.map { "\(Program.userAgent); origin/\($0)" } ?? Program.userAgent
  }

  private func send(_ request: Request, into sink: (any BodySink)?) async throws(FetchFailure) -> Response {
    do { try await gates.pass(request.address.origin) } catch { throw .final(.cancelled) }
    do {
      return try await transfer.send(request, into: sink)
    } catch {
      let host = request.address.place
      switch error {
      case .cancelled: throw .final(.cancelled)
      case .trust: throw .final(.untrusted(host: host, why: error.reason))
      case .headersTooLarge, .bodyTooLarge: throw .final(.notAHub(host: host, why: error.reason))
      case .unusable, .connection, .stalled, .deadline, .unreadable:
        let problem = HubProblem.network(host: host, why: error.reason)
        throw error.isTransient ? .transient(problem, wait: nil) : .final(problem)
      }
    }
  }

  // MARK: Redirects

  private func target(of head: ResponseHead, from address: WebAddress) throws(FetchFailure) -> WebAddress {
    guard let location = head.value("location"), let next = address.resolving(location) else {
      throw redirectFault(address, "the target is missing or not an http address")
    }
    guard !(address.origin.scheme == "https" && next.origin.scheme == "http") else {
      throw redirectFault(address, "from https to http")
    }
    return next
  }

  private func redirectFault(_ address: WebAddress, _ why: String) -> FetchFailure {
    .final(.redirect(host: address.place, why: why))
  }

  // MARK: Statuses that pass

  private func throwTransient(_ response: Response, _ address: WebAddress) throws(FetchFailure) {
    let status = response.head.status
    guard RetryPolicy.isTransient(status: status) else { return }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let advice = WaitAdvice.seconds(response.head, now: Int64(now.tv_sec))
    let problem: HubProblem =
      status == 429
      ? .rateLimited(host: address.place, seconds: advice ?? 0)
      : .server(host: address.place, status: status, message: ServerMessage.text(response))
    guard let advice else { throw .transient(problem, wait: nil) }
    let wait = Duration.seconds(advice) + settings.retry.margin
    guard wait <= settings.retry.longestWait else { throw .final(problem) }
    if status == 429 {
      gates.close(address.origin, for: wait)
      notice(.waiting(host: address.place, seconds: advice))
    }
    throw .transient(problem, wait: wait)
  }
}

/// A server's own words about a failure.
package enum ServerMessage {
  /// `X-Error-Message`, the JSON body's `error`, or the beginning of a text body: one short line.
  package static func text(_ response: Response) -> String {
    if let text = response.head.value("x-error-message") { return tidy(text) }
    if let json = try? JSONReader.parse(response.body, limits: .lastKeyWins), let text = json["error"]?.stringValue {
      return tidy(text)
    }
    return response.head.isHTML ? "" : tidy(String(decoding: response.body.prefix(600), as: UTF8.self))
  }

  /// One line without control characters, so that no server writes to a terminal.
  package static func tidy(_ text: String) -> String {
    let safe = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) }
    return String(String(safe).trimmingBlanks.prefix(300))
  }
}
