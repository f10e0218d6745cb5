// SPDX-License-Identifier: Apache-2.0
// The program's name and version, as it tells them to people, servers and manifests.

/// Who this is.
public enum Program {
  /// The program's name.
  public static let name = "impetus"
  /// The version by semantic versioning; the changelog has an entry for each.
  public static let version = "0.1.0"
  /// What HTTP servers are told.
  public static let userAgent = "impetus/\(version)"
}
