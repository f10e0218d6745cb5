// SPDX-License-Identifier: Apache-2.0
// How much memory this process may use: the machine's, or its control group's where that is less.

internal import Glibc

/// Memory facts in bytes.
public enum Memory {
  /// What is installed.
  public static var installed: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

  /// What can still be used without swapping: the kernel's estimate, lowered to the room left in
  /// the control group (version 2 or 1).
  public static var available: Int {
    let machine = meminfo("MemAvailable") ?? installed
    return ControlGroup().memoryRoom.map { min($0, machine) } ?? machine
  }

  /// The most this process ever held resident.
  public static var peakResident: Int {
    var usage = rusage()
    guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
    return usage.ru_maxrss * 1024
  }

  private static func meminfo(_ key: String) -> Int? {
    guard let content = text("/proc/meminfo") else { return nil }
    for line in content.split(separator: "\n") where line.hasPrefix("\(key):") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return nil
  }

  private static func text(_ path: String) -> String? {
    (try? Files.read(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
  }
}
