// SPDX-License-Identifier: Apache-2.0
// Making one model from another: long work that blocks, with its progress on stderr, until Ctrl-C.

import Basics
import Library

/// Runs work that makes a model, as `blocking` does, and shows how far it is.
/// - Parameters:
///   - title: what is under way.
///   - body: is given what it has to call with its progress, and what says whether to stop.
func making<Result: Sendable>(
  _ title: String, mode: ProgressMode,
  _ body:
    @escaping @Sendable (
      _ progress: @escaping @Sendable (FolderProgress) -> Void, _ isCancelled: @escaping @Sendable () -> Bool
    ) throws -> Result
) async throws -> Result {
  let bar = ProgressLine(title, mode: mode)
  return try await blocking { isCancelled in
    defer { bar.finish() }
    return try body({ bar.update(done: $0.done, total: $0.total) }, isCancelled)
  }
}

extension Materials {
  /// What `--input` names, read on a thread that may be blocked.
  static func read(_ paths: [String]) async throws -> Materials {
    paths.isEmpty ? Materials() : try await blocking { _ in try Materials(paths: paths) }
  }
}
