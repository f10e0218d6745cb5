// SPDX-License-Identifier: Apache-2.0
// Why a server cannot start.

public import Basics

/// A setting that does not work.
public enum ServerProblem: Problem, Equatable {
  /// The address cannot be listened on.
  case cannotListen(host: String, port: Int, reason: String)
  /// A setting outside its range.
  case invalidSetting(name: String, value: String, allowed: String)

  public var code: String {
    switch self {
    case .cannotListen: "server.cannot-listen"
    case .invalidSetting: "server.invalid-setting"
    }
  }

  public var what: String {
    switch self {
    case .cannotListen(let host, let port, _): "cannot listen on \(host) port \(port)"
    case .invalidSetting(let name, _, _): "\(name) is out of range"
    }
  }

  public var why: String? {
    switch self {
    case .cannotListen(_, _, let reason): reason
    case .invalidSetting(_, let value, let allowed): "\(value) was given, allowed is \(allowed)"
    }
  }

  public var remedy: String? {
    switch self {
    case .cannotListen: "choose another port with --port, or end the program that has it"
    case .invalidSetting: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .cannotListen: .locked
    case .invalidSetting: .usage
    }
  }
}
