// SPDX-License-Identifier: Apache-2.0
// What a policy forbids, and policies that cannot be read.

public import Basics

/// A problem with a policy, or of a policy with a model.
public enum PolicyProblem: Problem, Equatable {
  /// The file is no policy; until it is, nothing is allowed.
  case unreadable(path: String, why: String)
  /// A rule forbids the model.
  case refused(name: String, rule: String, policy: String, why: String)

  public var code: String {
    switch self {
    case .unreadable: "policy.unreadable"
    case .refused(_, let rule, _, _): "policy.\(rule)"
    }
  }

  public var what: String {
    switch self {
    case .unreadable(let path, _): "the policy \(path) cannot be read"
    case .refused(let name, _, let policy, _): "\(name) is forbidden by \(policy)"
    }
  }

  public var why: String? {
    switch self {
    case .unreadable(_, let why), .refused(_, _, _, let why): why
    }
  }

  public var remedy: String? {
    switch self {
    case .unreadable: "correct the file; its rules are licenses, organizations, formats and mirrors"
    case .refused(_, let rule, let policy, _): "ask whoever keeps \(policy) to add it to \(rule)"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .unreadable: .usage
    case .refused: .auth
    }
  }
}
