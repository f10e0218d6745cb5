// SPDX-License-Identifier: Apache-2.0
// Whether the hub answers, asked once and briefly.

internal import Basics

/// What one short question to the hub brought.
public enum Reachability: Sendable, Equatable {
  /// It answered, within so many milliseconds.
  case answers(milliseconds: Int)
  /// It answered and does not take the token.
  case refusesToken
  /// It did not answer.
  case silent(why: String)
}

extension HubClient {
  /// Asks once; with a token whose it is, else for nothing in particular. Any answer of the server counts.
  /// - Parameter seconds: how long to wait at most.
  public func reachability(seconds: Int = 5) async -> Reachability {
    if let setting = settings.offlineBecause { return .silent(why: "the network is switched off by \(setting)") }
    let path = settings.token == nil ? "/api/models?limit=1" : "/api/whoami-v2"
    guard let address = settings.address(path) else { return .silent(why: "the address cannot be used") }
    let patience = Patience(stall: .seconds(seconds), deadline: .seconds(seconds))
    let begin = ContinuousClock.now
    do throws(FetchFailure) {
      let delivery = try await courier.carry(address, patience: patience, bodyLimit: 1 << 20)
      let status = delivery.response.head.status
      if settings.token != nil, status == 401 || status == 403 { return .refusesToken }
      return .answers(milliseconds: (ContinuousClock.now - begin).milliseconds)
    } catch {
      return .silent(why: error.problem.why ?? error.problem.what)
    }
  }
}
