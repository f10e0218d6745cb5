// SPDX-License-Identifier: Apache-2.0
// The processor's name and how many of its cores this process may use.

internal import Glibc

/// Processor facts.
public enum Processor {
  /// Cores this process may run on: the affinity mask, lowered to the control group's quota, to the nearest number. (More
  /// threads than that would only use up the quota sooner and then stand still together.)
  public static var usableCores: Int {
    let count = allowed() ?? onlineCores
    return max(1, min(count, ControlGroup().coreLimit.map { Int($0.rounded()) } ?? count))
  }

  /// `usableCores` where something keeps the process from the machine's other cores; nil where nothing does.
  public static var coreLimit: Int? {
    let usable = usableCores
    return usable < onlineCores ? usable : nil
  }

  private static var onlineCores: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

  /// Cores in the affinity mask, as the kernel prints it in hex.
  private static func allowed() -> Int? {
    guard let content = try? Files.read("/proc/self/status", limit: 1 << 16) else { return nil }
    for line in String(decoding: content, as: UTF8.self).split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
      let bits = line.dropFirst(13).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
      return bits > 0 ? bits : nil
    }
    return nil
  }

  /// The name the kernel reports, such as `AMD EPYC`.
  public static var name: String {
    guard let content = try? Files.read("/proc/cpuinfo", limit: 1 << 22) else { return "unknown" }
    for line in String(decoding: content, as: UTF8.self).split(separator: "\n") where line.hasPrefix("model name") {
      return String(line.split(separator: ":", maxSplits: 1).last.map { $0.drop { $0 == " " } } ?? "unknown")
    }
    return "unknown"
  }
}
