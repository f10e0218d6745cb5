// SPDX-License-Identifier: Apache-2.0
// The control group that this process runs in, with all above it: the least of their limits holds. Version 2 has one tree
// of groups, version 1 one for each controller; both may be mounted.
// Kernel documentation: admin-guide/cgroup-v2, admin-guide/cgroup-v1/memory, scheduler/sched-bwc.

/// Limits of the process's control group.
public struct ControlGroup: Sendable, Equatable {
  /// Most bytes of memory; nil without a limit.
  public private(set) var memoryLimit: Int?
  /// Bytes in use by the group whose limit is the least, without files that it could give back.
  public private(set) var memoryUsed: Int?
  /// Cores of CPU time, which may be a fraction; nil without a limit.
  public private(set) var coreLimit: Double?

  /// Bytes of memory until the limit; nil without one.
  public var memoryRoom: Int? { memoryLimit.map { max(0, $0 - (memoryUsed ?? 0)) } }

  /// Reads the limits of this process.
  /// - Parameters:
  ///   - membership: the file that says which groups it is in.
  ///   - root: where the groups are mounted.
  public init(membership: String = "/proc/self/cgroup", root: String = "/sys/fs/cgroup") {
    let groups = Self.groups(membership)
    for folder in Self.folders(root, groups[""] ?? "/") {
      takeMemory(folder, limit: "memory.max", use: "memory.current", idleFiles: "inactive_file")
      let words = (Self.text("\(folder)/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
      if words.count == 2 { takeCores(granted: Double(words[0]), period: Double(words[1])) }
    }
    for folder in Self.folders("\(root)/memory", groups["memory"] ?? "/") {
      takeMemory(
        folder, limit: "memory.limit_in_bytes", use: "memory.usage_in_bytes", idleFiles: "total_inactive_file")
    }
    for folder in Self.folders("\(root)/cpu", groups["cpu"] ?? "/") {
      takeCores(
        granted: Self.number("\(folder)/cpu.cfs_quota_us").map(Double.init),
        period: Self.number("\(folder)/cpu.cfs_period_us").map(Double.init))
    }
  }

  private mutating func takeMemory(_ folder: String, limit: String, use: String, idleFiles: String) {
    // Version 1 has a number near the largest where there is no limit.
    guard let most = Self.number("\(folder)/\(limit)"), most < memoryLimit ?? (1 << 60) else { return }
    memoryLimit = most
    let idle = (Self.text("\(folder)/memory.stat") ?? "").split(separator: "\n").first { $0.hasPrefix(idleFiles + " ") }
    memoryUsed = Self.number("\(folder)/\(use)").map {
      max(0, $0 - (idle.flatMap { Int($0.dropFirst(idleFiles.count + 1)) } ?? 0))
    }
  }

  private mutating func takeCores(granted: Double?, period: Double?) {
    guard let granted, let period, granted > 0, period > 0 else { return }
    coreLimit = min(coreLimit ?? .infinity, granted / period)
  }

  /// The process's group by controller; by "" that of version 2.
  private static func groups(_ membership: String) -> [Substring: Substring] {
    var groups: [Substring: Substring] = [:]
    for line in (text(membership) ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
        groups[controller] = fields[2]
      }
    }
    return groups
  }

  /// A group's folder and all above it; a group outside what is mounted here counts as the uppermost.
  private static func folders(_ root: String, _ group: Substring) -> [String] {
    guard group.hasPrefix("/"), !group.split(separator: "/").contains("..") else { return [root] }
    var folders = [root]
    for name in group.split(separator: "/") { folders.append("\(folders[folders.count - 1])/\(name)") }
    return folders.reversed()
  }

  private static func text(_ path: String) -> String? {
    (try? Files.read(path, limit: 1 << 16)).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func number(_ path: String) -> Int? { text(path).flatMap { Int($0.prefix { $0.isNumber }) } }
}
