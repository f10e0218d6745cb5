// SPDX-License-Identifier: Apache-2.0
// Pulls by the program itself that are killed, run side by side, run out of disk or meet a hub that lies: the bytes are
// right in the end, or the failure is clear, and the store is whole in any case.

import Basics
import Glibc
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(3))) struct PullFaultTests {
  typealias Rig = StoreCommandTests.Rig

  private func environment(_ rig: Rig, _ hub: LoopbackHub) -> [String: String] {
    ["IMPETUS_HOME": "\(rig.folder.path)/store", "HOME": rig.folder.path, "HF_ENDPOINT": hub.endpoint]
  }

  /// Waits for processes of the program; their exit codes.
  private func statuses(_ processes: [pid_t]) -> [Int32] {
    processes.map { process in
      var status: Int32 = 0
      while waitpid(process, &status, 0) < 0 && errno == EINTR {}
      return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
  }

  @Test("kill -9 at fifty random points costs at most two ranges each, and leaves a whole store") func killed()
    async throws
  {
    try await onThread {
      let (byteCount, range, kills) = (24 << 20, 8 << 20, 50)
      let hub = try LoopbackHub([.tiled("weights.bin", byteCount: byteCount), LoopbackFile("notes.txt", "a")])
      defer { hub.stop() }
      hub.order(Fault(.cdn, .throttle(8_000_000), times: nil))
      let rig = try Rig()
      var rounds = 1
      var random = SystemRandomNumberGenerator()
      for number in 0..<kills {
        try Support.Program.killed(
          ["pull", "org/model", "--all", "--progress", "none"], after: .random(in: 20_000...350_000, using: &random),
          environment: environment(rig, hub))
        if number % 10 == 9 { #expect(try rig.run("verify").status == 0) }
        // A pull that was through begins again from nothing.
        guard try rig.succeed("list", "--quiet") != "" else { continue }
        try rig.succeed("rm", "org/model", "--now")
        try rig.succeed("gc", "--now")
        rounds += 1
      }
      hub.state.withLock { $0.faults = [] }
      try rig.succeed("pull", "org/model", "--all", environment: ["HF_ENDPOINT": hub.endpoint])
      try rig.succeed("verify")
      let again = hub.sentByteCount(.cdn) - rounds * byteCount
      #expect(again <= kills * 2 * range, "\(again) bytes came again after \(kills) kills")
      #expect(try Files.list("\(rig.folder.path)/store/parts").isEmpty)
    }
  }

  @Test("pulls side by side fetch once and agree", arguments: [2, 4]) func together(count: Int) async throws {
    try await onThread {
      let byteCount = 12 << 20
      let hub = try LoopbackHub(
        [.tiled("weights.bin", byteCount: byteCount)]
          + (0..<20).map { LoopbackFile("data/\($0).json", "{\"n\": \($0)}") })
      defer { hub.stop() }
      hub.order(Fault(.cdn, .throttle(2_000_000), times: nil))
      let rig = try Rig()
      let processes = try (0..<count).map { _ in
        try Support.Program.start(
          Support.Program.path, ["pull", "org/model", "--all"], environment: environment(rig, hub))
      }
      #expect(statuses(processes) == Array(repeating: 0, count: count))
      try rig.succeed("verify")
      // Tails of ranges that another connection took over may be on their way.
      #expect(hub.sentByteCount(.cdn) < byteCount + byteCount / 2)
      #expect(try Files.list("\(rig.folder.path)/store/parts").isEmpty)
    }
  }

  @Test("a full disk ends with code 6, and what came before it counts") func fullDisk() async throws {
    try await onThread {
      let hub = try LoopbackHub([LoopbackFile("notes.txt", "a"), .tiled("weights.bin", byteCount: 6 << 20)])
      defer { hub.stop() }
      let rig = try Rig()
      // The disk that a test can fill: files of two megabytes at most.
      let run = try Support.Program.run(
        ["-c", "ulimit -f 4096; exec \(Support.Program.path) pull org/model --all"], of: "/bin/bash",
        environment: environment(rig, hub))
      #expect(run.status == 6, "\(run.errors)")
      #expect(try rig.run("verify").status == 0)
      let before = hub.sentByteCount(.cdn)
      try rig.succeed("pull", "org/model", "--all", environment: ["HF_ENDPOINT": hub.endpoint])
      try rig.succeed("verify")
      // With tails of ranges that another connection took over.
      #expect(hub.sentByteCount(.cdn) - before <= 8 << 20)
    }
  }

  @Test("Ctrl-C ends a pull at once, with its own code, and says how to go on") func interrupted() async throws {
    try await onThread {
      let hub = try LoopbackHub([.tiled("weights.bin", byteCount: 6 << 20)])
      defer { hub.stop() }
      hub.order(Fault(.cdn, .throttle(100_000), times: nil))
      let rig = try Rig()
      // Once a part file is there the transfer is under way; from then on the clock runs.
      let script = """
        set -m; "$0" pull org/model --all & pull=$!
        for _ in $(seq 1200); do [ -n "$(ls -A "$1" 2>/dev/null)" ] && break; sleep 0.05; done
        sleep 0.5; begin=$(date +%s%N); kill -INT $pull; wait $pull; status=$?
        echo $((($(date +%s%N) - begin) / 1000000)); exit $status
        """
      let run = try Support.Program.run(
        ["-c", script, Support.Program.path, "\(rig.folder.path)/store/parts"], of: "/bin/bash",
        environment: environment(rig, hub).merging(["PATH": Support.Program.searchPath]) { own, _ in own })
      #expect(run.status == 130, "\(run.errors)")
      #expect(run.errors.contains("the same command goes on"), "\(run.errors)")
      let milliseconds = Int(run.output.filter(\.isNumber)) ?? .max
      #expect(milliseconds < 5000)  // one second, on a busy machine
    }
  }

  private static let lies: [(String, String, Int, Bool, Int32)] = [
    ("a large file is said to be shorter", "w.bin", -1, true, 2),
    ("a large file is said to be longer", "w.bin", 1, true, 2),
    ("a small file is said to be shorter", "a.txt", -1, false, 2),
    ("a small file is said to be longer", "a.txt", 1, false, 2),
    ("an empty file is said to be there", "a.txt", -5, false, 2), ("a name leads out", "../a.txt", 0, false, 2),
    ("a name is absolute", "/etc/a.txt", 0, false, 2), ("a name has a line end", "a\nb", 0, false, 2),
    ("a name is a drive's", "c:/a.txt", 0, false, 2), ("a name has a part of dots", "a/./b", 0, false, 2),
  ]

  @Test("a hub that lies is found out, and nothing of it stays", arguments: lies.map(\.0)) func lie(name: String)
    async throws
  {
    try await onThread {
      let (_, path, difference, isLarge, status) = try #require(Self.lies.first { $0.0 == name })
      let file = LoopbackFile(isLarge ? "w.bin" : "a.txt", Array("hello".utf8), isLarge: isLarge)
      let hub = try LoopbackHub([file])
      defer { hub.stop() }
      let size = JSONValue(5 + difference)
      var row: JSONObject = ["type": "file", "path": .string(path), "size": size, "oid": .string(file.gitID)]
      if isLarge { row["lfs"] = ["oid": .string(file.digest.hex), "size": size] }
      hub.state.withLock { $0.rows = [.object(row)] }
      let rig = try Rig()
      let run = try rig.run("pull", "org/model", "--all", environment: ["HF_ENDPOINT": hub.endpoint])
      #expect(run.status == status, "\(run.errors)")
      #expect(try rig.succeed("list", "--quiet") == "")
      #expect(try Files.list(rig.folder.path) == ["store"])
      hub.state.withLock { $0.rows = nil }
      try rig.succeed("pull", "org/model", "--all", environment: ["HF_ENDPOINT": hub.endpoint])
      try rig.succeed("verify")
    }
  }

  @Test("a repository that changes under a pull ends it clearly, and the next one takes the new state") func moving()
    async throws
  {
    try await onThread {
      let hub = try LoopbackHub([.tiled("weights.bin", byteCount: 6 << 20)])
      defer { hub.stop() }
      hub.order(Fault(.cdn, .cut(after: 300_000), times: nil))
      let rig = try Rig()
      let process = try Support.Program.start(
        Support.Program.path, ["pull", "org/model", "--all"], environment: environment(rig, hub))
      for _ in 0..<500 where hub.sentByteCount(.cdn) == 0 && hub.records.count < 4 { usleep(10_000) }
      hub.state.withLock { state in
        state.files = [.tiled("weights.bin", byteCount: 6 << 20, seed: 9)]
        state.commit = String(repeating: "beef", count: 10)
        state.generation += 1
        state.faults = [Fault(.cdn, .cut(after: 1000, reset: true), times: 8)]
      }
      #expect([2, 3, 4, 5].contains(statuses([process])[0]))
      #expect(try rig.succeed("list", "--quiet") == "")
      try rig.succeed("pull", "org/model", "--all", environment: ["HF_ENDPOINT": hub.endpoint])
      try rig.succeed("verify")
    }
  }

  @Test("five hundred small files, empty ones and odd names among them") func manyFiles() async throws {
    try await onThread {
      let odd = ["with space.json", "a+b&c=d.json", "ünïcödé/文件.json", "100%.json", "#frag?.json", "-dash", ".hidden"]
      let files =
        (0..<490).map { LoopbackFile("data/\($0 % 7)/\($0).json", $0 % 50 == 0 ? "" : "{\"n\": \($0)}") }
        + odd.map { LoopbackFile($0, "\"\($0)\"") }
      let hub = try LoopbackHub(files)
      defer { hub.stop() }
      hub.state.withLock { $0.pageSize = 100 }
      hub.order(Fault(.resolve, .status(429, [("Retry-After", "1")]), times: 1), Fault(.cache, .status(503), times: 3))
      let rig = try Rig()
      try rig.succeed("pull", "org/model", "--all", environment: ["HF_ENDPOINT": hub.endpoint])
      let folder = try rig.succeed("path", "org/model").dropLast()
      for file in files { #expect(try Files.read("\(folder)/\(file.path)") == file.content) }
    }
  }
}
