// SPDX-License-Identifier: Apache-2.0
// Limits of control groups, read from folders laid out as the kernel lays out its own.

import Basics
import Support
import Testing

@Suite struct ControlGroupTests {
  /// Files of groups by path, and the group that the process is in.
  private func limits(_ files: [String: String], in membership: String) throws -> ControlGroup {
    let folder = try TemporaryFolder("impetus-cgroup")
    for (path, text) in files { try folder.write(text, to: "root/\(path)") }
    try folder.write(membership, to: "membership")
    return ControlGroup(membership: "\(folder.path)/membership", root: "\(folder.path)/root")
  }

  @Test("the least limit of the group and all above it holds, with that group's use") func least() throws {
    let files = [
      "a/memory.max": "1000\n", "a/memory.current": "700\n", "a/b/memory.max": "4000\n", "a/b/memory.current": "600\n",
      "a/cpu.max": "150000 100000\n", "a/b/cpu.max": "max 100000\n",
    ]
    let group = try limits(files, in: "0::/a/b\n")
    #expect(group.memoryLimit == 1000)
    #expect(group.memoryUsed == 700)
    #expect(group.coreLimit == 1.5)
  }

  @Test("files that a group could give back are not in use") func idleFiles() throws {
    let group = try limits(
      ["a/memory.max": "1000\n", "a/memory.current": "700\n", "a/memory.stat": "anon 10\ninactive_file 600\n"],
      in: "0::/a\n")
    #expect(group.memoryUsed == 100)
    #expect(group.memoryRoom == 900)
  }

  @Test("version 1: a tree for each controller") func versionOne() throws {
    let files = [
      "memory/m/memory.limit_in_bytes": "5000\n", "memory/m/memory.usage_in_bytes": "4000\n",
      "memory/m/memory.stat": "inactive_file 1\ntotal_inactive_file 500\n",
      "memory/memory.limit_in_bytes": "9223372036854771712\n", "cpu/c/d/cpu.cfs_quota_us": "-1\n",
      "cpu/c/d/cpu.cfs_period_us": "100000\n", "cpu/c/cpu.cfs_quota_us": "250000\n",
      "cpu/c/cpu.cfs_period_us": "100000\n",
    ]
    let group = try limits(files, in: "4:memory:/m\n2:cpu,cpuacct:/c/d\n0::/\n")
    #expect(group.memoryLimit == 5000)
    #expect(group.memoryRoom == 1500)
    #expect(group.coreLimit == 2.5)
  }

  @Test("a container sees its own group as the uppermost") func container() throws {
    let files = [
      "memory/memory.limit_in_bytes": "5000\n", "memory/memory.usage_in_bytes": "1\n",
      "cpu/cpu.cfs_quota_us": "100000\n",
      "cpu/cpu.cfs_period_us": "100000\n",
    ]
    let group = try limits(files, in: "4:memory:/docker/0123\n1:cpu:/docker/0123\n")
    #expect(group.memoryLimit == 5000)
    #expect(group.coreLimit == 1)
  }

  @Test(
    "no limit is no number",
    arguments: ["0::/\n", "0::/a\n", "0::a/b\n", "0::\n", "12:memory:/x\n", "", "0::/../../etc\n"])
  func unlimited(membership: String) throws {
    let group = try limits(
      ["a/memory.max": "max\n", "memory.current": "5\n", "a/cpu.max": "max 100000\n"], in: membership)
    #expect(group.memoryLimit == nil)
    #expect(group.coreLimit == nil)
  }
}
