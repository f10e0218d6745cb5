// SPDX-License-Identifier: Apache-2.0
// The control group that this process runs in (version 2), with all above it: the least of their limits holds.
// Kernel documentation: admin-guide/cgroup-v2.

/// Limits of the process's control group.
public struct ControlGroup: Sendable, Equatable {
  /// Most bytes of memory; nil without a limit.
  public let memoryLimit: Int?
  /// Bytes in use by the group whose limit is the least.
  public let memoryUsed: Int?
  /// Cores of CPU time, which may be a fraction; nil without a limit.
  public let coreLimit: Double?

  /// Reads the limits of this process.
  /// - Parameters:
  ///   - membership: the file that says which group it is.
  ///   - root: where the groups are mounted.
  public init(membership: String = "/proc/self/cgroup", root: String = "/sys/fs/cgroup") {
    func text(_ path: String) -> String? {
      (try? Files.read(path, limit: 1 << 16)).map { String(decoding: $0, as: UTF8.self) }
    }
    func number(_ path: String) -> Int? { text(path).flatMap { Int($0.prefix { $0.isNumber }) } }
    let lines = (text(membership) ?? "").split(separator: "\n")
    var group = lines.first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) } ?? "/"
    if !group.hasPrefix("/") { group = "/" }
    var (memory, used, cores): (Int?, Int?, Double?)
    while true {
      let folder = group == "/" ? root : root + group
      if let limit = number("\(folder)/memory.max"), limit < memory ?? .max {
        memory = limit
        used = number("\(folder)/memory.current")
      }
      let words = (text("\(folder)/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
      if words.count == 2, let granted = Double(words[0]), let period = Double(words[1]), period > 0 {
        cores = min(cores ?? .infinity, granted / period)
      }
      if folder == root { break }
      group = Files.parent(of: group)
    }
    (memoryLimit, memoryUsed, coreLimit) = (memory, used, cores)
  }
}
