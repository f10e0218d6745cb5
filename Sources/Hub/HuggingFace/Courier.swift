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
  var problem: HubProblem {
    switch self {
    case .final(let problem), .transient(let problem, _): problem
    case .rangeIgnored: .wrongBytes(path: "the range", why: "the server ignores ranges")
    }
  }
}

/// The answer at the end of a chain of redirects.
struct Delivery: Sendable {
  let response: Response
  /// The address that answered.
  let address: WebAddress
  /// The answers of the hub itself on the way: they carry a file's metadata.
  let hubHeads: [ResponseHead]
  /// Where a redirect led that was not followed.
  var next: WebAddress?
}

/// Follows requests for one endpoint.
struct Courier: Sendable {
  let settings: HubSettings
  let transfer: Transfer
  let gates: OriginGates
  /// Told about waiting and trying again.
  let notice: @Sendable (DownloadEvent) -> Void

  /// At most this many hops; a chain that repeats an address ends at once.
  static let hopLimit = 10

  /// Asks `address`, follows redirects, and returns the first answer that is none.
  ///
  /// Failures below HTTP, 408, 429 and 5xx are thrown; every other status is the caller's.
  /// - Parameter stopAtForeign: Returns the redirect that leads to another server instead of following it.
  func carry(
    _ address: WebAddress, headers: [Header] = [], patience: Patience, bodyLimit: Int,
    acceptsCompression: Bool = false, into sink: (any BodySink)? = nil, stopAtForeign: Bool = false
  ) async throws(FetchFailure) -> Delivery {
    var address = address
    var seen: Set<WebAddress> = []
    var hubHeads: [ResponseHead] = []
    while true {
      guard seen.insert(address).inserted else { throw redirectFault(address, "they go in a circle") }
      guard seen.count <= Self.hopLimit + 1 else { throw redirectFault(address, "more than \(Self.hopLimit) of them") }
      var request = Request(
        address, headers: allHeaders(for: address, headers), patience: patience, bodyLimit: bodyLimit)
      request.acceptsCompression = acceptsCompression
      let response = try await send(request, into: sink)
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
  func isOwn(_ address: WebAddress) -> Bool { address.origin == settings.endpoint.origin }

  private func allHeaders(for address: WebAddress, _ wanted: [Header]) -> [Header] {
    var headers = [Header("User-Agent", Program.userAgent)] + wanted
    if isOwn(address), let token = settings.token { headers.append(Header("Authorization", token.authorization)) }
    return headers
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
      case .unusable, .connection, .stalled, .deadline:
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
enum ServerMessage {
  /// `X-Error-Message`, the JSON body's `error`, or the beginning of a text body: one short line.
  static func text(_ response: Response) -> String {
    if let text = response.head.value("x-error-message") { return tidy(text) }
    if let json = try? JSONReader.parse(response.body, limits: .lastKeyWins), let text = json["error"]?.stringValue {
      return tidy(text)
    }
    return response.head.isHTML ? "" : tidy(String(decoding: response.body.prefix(600), as: UTF8.self))
  }

  /// One line without control characters, so that no server writes to a terminal.
  private static func tidy(_ text: String) -> String {
    let safe = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) }
    return String(String(safe).trimmingBlanks.prefix(300))
  }
}
