// SPDX-License-Identifier: Apache-2.0
// The program's exit codes, one table for the terminal, the manual and the server (docs/exit-codes.md).

/// What a finished command reports to its caller.
public enum ExitStatus: Int32, Sendable, CaseIterable {
  /// The command did what it was asked.
  case success = 0
  /// Something failed that has no code of its own.
  case failure = 1
  /// Bytes are not what their hash or their format promises.
  case mismatch = 2
  /// A model, file, revision or name does not exist.
  case notFound = 3
  /// The other side asks for a token, or refuses the one it got; or a policy forbids it.
  case auth = 4
  /// The network, or the server at its other end, failed.
  case network = 5
  /// Not enough memory or disk for what was asked.
  case doesNotFit = 6
  /// Another process holds what is needed.
  case locked = 7
  /// The input is valid but asks for something this program does not do.
  case unsupported = 8
  /// The command line is wrong.
  case usage = 64

  /// One line for the manual.
  public var meaning: String {
    switch self {
    case .success: "success"
    case .failure: "failure without a code of its own"
    case .mismatch: "data does not match its hash, size or format"
    case .notFound: "model, file, revision or name not found"
    case .auth: "authentication needed or refused, a gated model, or forbidden by a policy"
    case .network: "network or remote server failure"
    case .doesNotFit: "not enough memory or disk space"
    case .locked: "locked by another process"
    case .unsupported: "unsupported model, format or feature"
    case .usage: "wrong usage"
    }
  }
}
