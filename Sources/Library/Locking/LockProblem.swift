// SPDX-License-Identifier: Apache-2.0
// Why a lock cannot be read, made or kept to.

public import Basics

/// A problem with a lock file, or with what it asks for.
public enum LockProblem: Problem, Equatable {
  /// The file is not a lock file.
  case damaged(path: String, why: String)
  /// The store has something else under a locked name.
  case drift(name: String, why: String)
  /// What the hub has, or what was made, is not what was locked.
  case otherContent(name: String, why: String)
  /// Neither the store nor any hub has it.
  case noSource(name: String, why: String)

  public var code: String {
    switch self {
    case .damaged: "lock.damaged"
    case .drift: "lock.drift"
    case .otherContent: "lock.other-content"
    case .noSource: "lock.no-source"
    }
  }

  public var what: String {
    switch self {
    case .damaged(let path, _): "\(path) is no lock file"
    case .drift(let name, _): "\(name) is not what is locked"
    case .otherContent(let name, _): "\(name) cannot be had as it is locked"
    case .noSource(let name, _): "\(name) is locked and cannot be had"
    }
  }

  public var why: String? {
    switch self {
    case .damaged(_, let why), .drift(_, let why), .otherContent(_, let why), .noSource(_, let why): why
    }
  }

  public var remedy: String? {
    switch self {
    case .damaged: "impetus lock writes it anew"
    case .drift: "impetus sync replaces it; impetus lock takes it as the new state"
    case .otherContent: nil
    case .noSource: "import its files under that name"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .damaged, .drift, .otherContent: .mismatch
    case .noSource: .notFound
    }
  }
}
