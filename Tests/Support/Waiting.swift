// SPDX-License-Identifier: Apache-2.0
// Tests wait for what happens, not for time: a clock only ends a wait in vain.

internal import Glibc

/// What was waited for did not happen.
public struct WaitedInVain: Error {}

/// How long something may take on a machine that does much else.
public let longestWait = Duration.seconds(180)

/// Waits until a condition holds.
/// - Throws: `WaitedInVain`, or what the condition throws.
public func eventually(_ condition: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + longestWait
  while try await !condition() {
    guard ContinuousClock.now < end else { throw WaitedInVain() }
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// Waits until a condition holds, on a thread that may be blocked.
/// - Throws: `WaitedInVain`, or what the condition throws.
public func waitUntil(_ condition: () throws -> Bool) throws {
  let end = ContinuousClock.now + longestWait
  while try !condition() {
    guard ContinuousClock.now < end else { throw WaitedInVain() }
    usleep(5000)
  }
}
