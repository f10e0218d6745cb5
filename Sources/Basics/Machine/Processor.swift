// SPDX-License-Identifier: Apache-2.0
// The processor's name and how many of its cores this process may use.

internal import Glibc

/// Processor facts.
public enum Processor {
  /// Cores this process may run on: the affinity mask, lowered to the control group's quota.
  public static var usableCores: Int {
    let count = allowed() ?? sysconf(Int32(_SC_NPROCESSORS_ONLN))
    return max(1, min(count, quota() ?? count))
  }

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

  /// Whole cores of CPU time granted by a version 2 control group, rounded up.
  private static func quota() -> Int? {
    guard let content = try? Files.read("/sys/fs/cgroup/cpu.max", limit: 4096) else { return nil }
    let words = String(decoding: content, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    guard words.count == 2, let granted = Int(words[0]), let period = Int(words[1]), period > 0 else { return nil }
    return (granted + period - 1) / period
  }
}
