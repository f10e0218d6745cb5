// SPDX-License-Identifier: Apache-2.0
// Turns credentials into what a registry accepts: a token of its token server, or the password itself. Tokens last
// minutes, so a 401 in the middle of a transfer gets a new one, once however many requests are refused together.
// Specification: distribution/distribution, "Token Authentication Specification" and "Oauth2 Token Authentication".

internal import Basics
internal import Hub

/// The authority of one repository.
actor RegistryAuthority: Authority {
  private let address: RegistryAddress
  private let found: CredentialSearch.Found
  /// What is to be done, such as `repository:org/model:pull,push`.
  private let scopes: [String]
  private let transfer: Transfer
  /// Whether the registry itself is asked by plain http.
  private let isPlain: Bool

  private var current: String?
  private var search: Task<Result<String, FetchFailure>, Never>?

  init(
    _ address: RegistryAddress, _ found: CredentialSearch.Found, scopes: [String], transfer: Transfer, isPlain: Bool
  ) {
    self.address = address
    self.found = found
    self.scopes = scopes
    self.transfer = transfer
    self.isPlain = isPlain
    if case .bearer(let token) = found.credentials?.secret { current = "Bearer \(token)" }
  }

  func authorization() -> String? { current }

  func renew(after head: ResponseHead, refused: String?) async throws(FetchFailure) -> Bool {
    if current != refused { return true }  // another request has renewed it meanwhile
    if case .bearer = found.credentials?.secret { return false }
    let running: Task<Result<String, FetchFailure>, Never>
    if let search {
      running = search
    } else {
      let challenges = Challenge.all(head)
      running = Task { await self.answer(challenges, refused) }
      search = running
    }
    let result = await running.value
    if search == running {
      search = nil
      current = try? result.get()
    }
    _ = try result.get()
    return true
  }

  private func answer(_ challenges: [Challenge], _ refused: String?) async -> Result<String, FetchFailure> {
    do throws(FetchFailure) {
      if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
        return .success("Bearer \(try await token(challenge))")
      }
      guard challenges.contains(where: { $0.scheme == "basic" }) else {
        throw final(.notARegistry(host: address.host, why: "it asks for credentials in no known way"))
      }
      guard let basic = found.credentials?.basic else { throw final(needed) }
      guard basic != refused else { throw final(wrong("")) }
      return .success(basic)
    } catch {
      return .failure(error)
    }
  }

  private func final(_ problem: RegistryProblem) -> FetchFailure { .final(.foreign(ForeignProblem(problem))) }

  private var needed: RegistryProblem { .credentialsNeeded(host: address.host, helper: found.helper) }

  private func wrong(_ message: String) -> RegistryProblem {
    guard let credentials = found.credentials else { return needed }
    return .credentialsRefused(host: address.host, source: credentials.source, message: message)
  }

  // MARK: Token servers

  private func token(_ challenge: Challenge) async throws(FetchFailure) -> String {
    guard let text = challenge.parameters["realm"], let realm = WebAddress(text) else {
      throw final(.notARegistry(host: address.host, why: "its token server has no usable address"))
    }
    guard realm.origin.scheme == "https" || isPlain else {
      throw final(.notARegistry(host: address.host, why: "its token server \(realm.place) is asked without TLS"))
    }
    let request = request(realm, service: challenge.parameters["service"])
    var failures = 0
    while true {
      do throws(FetchFailure) {
        return try await ask(request)
      } catch {
        failures += 1
        guard case .transient = error, failures < 4 else { throw error }
        do { try await Task.sleep(for: .milliseconds(200 << failures)) } catch { throw .final(.cancelled) }
      }
    }
  }

  private func request(_ realm: WebAddress, service: String?) -> Request {
    let patience = Patience(stall: .seconds(20), deadline: .seconds(60))
    var items = scopes.map { ("scope", $0) }
    if let service { items.insert(("service", service), at: 0) }
    guard case .identityToken(let token) = found.credentials?.secret else {
      let query = items.map { "\($0.0)=\(WebAddress.segment($0.1))" }.joined(separator: "&")
      let separator = realm.text.contains("?") ? "&" : "?"
      let address = WebAddress(query.isEmpty ? realm.text : realm.text + separator + query) ?? realm
      let headers = found.credentials?.basic.map { [Header("Authorization", $0)] } ?? []
      return Request(address, headers: headers + [Header("User-Agent", Program.userAgent)], patience: patience)
    }
    let form = [
      ("grant_type", "refresh_token"), ("client_id", Program.name), ("refresh_token", token),
      ("scope", scopes.joined(separator: " ")),
    ]
    let body = (form + items.filter { $0.0 == "service" }).map { "\($0.0)=\(WebAddress.segment($0.1))" }
    var request = Request(
      realm,
      headers: [
        Header("User-Agent", Program.userAgent), Header("Content-Type", "application/x-www-form-urlencoded"),
      ], patience: patience)
    request.method = .post
    request.upload = UploadBody(Array(body.joined(separator: "&").utf8))
    return request
  }

  private func ask(_ request: Request) async throws(FetchFailure) -> String {
    let host = request.address.place
    let response: Response
    do {
      response = try await transfer.send(request)
    } catch {
      if error == .cancelled { throw .final(.cancelled) }
      let problem = HubProblem.network(host: host, why: error.reason)
      throw error.isTransient ? .transient(problem, wait: nil) : .final(problem)
    }
    let status = response.head.status
    if status == 429 || status >= 500 {
      throw .transient(.server(host: host, status: status, message: RegistryMessage.text(response)), wait: nil)
    }
    // Whoever may not know the answer may not be told where else to send the password: redirects are refused too.
    guard status == 200 else {
      guard [400, 401, 403].contains(status) else {
        throw final(.refused(host: host, status: status, message: RegistryMessage.text(response)))
      }
      throw final(wrong(RegistryMessage.text(response)))
    }
    let json = try? JSONReader.parse(response.body, limits: .lastKeyWins)
    guard let token = (json?["token"] ?? json?["access_token"])?.stringValue, !token.isEmpty,
      token.utf8.count <= 16384, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw final(.notARegistry(host: host, why: "its token server sends no token")) }
    return token
  }
}
