// SPDX-License-Identifier: Apache-2.0
// Pulls by the program itself that are killed, run side by side, run out of disk or meet a hub that lies: the bytes are
// right in the end, or the failure is clear, and the store is whole in any case.

import Basics
import Glibc
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct PullFaultTests {
  typealias Rig = StoreCommandTests.Rig

  private func environment(_ rig: Rig, _ hub: LoopbackHub) -> [String: String] {
    ["IMPETUS_HOME": "\(rig.folder.path)/store", "HOME": rig.folder.path, "HF_ENDPOINT": hub.endpoint]
  }

  /// The bytes of a file that a killed pull's journal calls finished; all of them, where they are the store's already.
  private func finished(_ rig: Rig, _ file: LoopbackFile) throws -> RangeSet<Int> {
    let blob = rig.blob("sha256:\(file.digest.hex)")
    if Files.isFile(blob) { return RangeSet(0..<(try Files.byteCount(blob))) }
    let parts = "\(rig.folder.path)/store/parts"
    let journal = "sha256-\(file.digest.hex).journal"
    guard Files.isFile("\(parts)/\(journal)") else { return RangeSet() }
    let text = String(decoding: try Files.read("\(parts)/\(journal)"), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map {
      $0.split(separator: " ")
    }
    guard let header = lines.first, header.count == 4, let size = Int(header[2]), let block = Int(header[3]) else {
      return RangeSet()
    }
    return RangeSet(
      lines.dropFirst().compactMap { line in
        guard line.count == 2, let number = Int(line[0]) else { return nil }
        return number * block..<min((number + 1) * block, size)
      })
  }

  @Test("kill -9 at fifty random points: nothing finished is fetched again, at most two ranges are lost")
  func killed() async throws {
    try await onThread {
      let (byteCount, range) = (24 << 20, 8 << 20)
      let weights = LoopbackFile.tiled("weights.bin", byteCount: byteCount)
      let hub = try LoopbackHub([weights, LoopbackFile("notes.txt", "a")])
      defer { hub.stop() }
      hub.order(Fault(.cdn, .throttle(8_000_000), times: nil))
      let rig = try Rig()
      for number in 0..<50 {
        let before = try finished(rig, weights)
        let (record, sent) = (hub.records.count, hub.sentByteCount(.cdn))
        let process = try Support.Program.start(
          Support.Program.path, ["pull", "org/model", "--all", "--progress", "none"], environment: environment(rig, hub)
        )
        // Anywhere in its beginning, or after any number of bytes.
        if number % 2 == 0 {
          usleep(.random(in: 10_000...300_000))
        } else {
          let wanted = Int.random(in: 0...min(7 << 20, byteCount - before.count))
          try waitUntil { hub.startedByteCount(.cdn) - sent >= wanted }
        }
        kill(process, SIGKILL)
        Support.Program.ended(process)
        let now = hub.sentByteCount(.cdn) - sent
        #expect(hub.asked(of: byteCount, from: record).isDisjoint(before))
        if number % 10 == 9 { #expect(try rig.run("verify").status == 0) }
        guard try rig.succeed("list", "--quiet") != "" else {
          let lost = now - (try finished(rig, weights).count - before.count)
          #expect(lost <= 2 * range, "\(lost) bytes of \(now) were lost")
          continue
        }
        // A pull that was through begins again from nothing.
        try rig.succeed("rm", "org/model", "--now")
        try rig.succeed("gc", "--now")
      }
      hub.state.withLock { $0.faults = [] }
      try rig.succeed("pull", "org/model", "--all", environment: ["HF_ENDPOINT": hub.endpoint])
      try rig.succeed("verify")
      #expect(try Files.list("\(rig.folder.path)/store/parts").isEmpty)
    }
  }

  @Test("pulls side by side fetch once and agree", arguments: [2, 4]) func together(count: Int) async throws {
    let byteCount = 12 << 20
    let small = (0..<20).map { LoopbackFile("data/\($0).json", "{\"n\": \($0)}") }
    let hub = try LoopbackHub([.tiled("weights.bin", byteCount: byteCount)] + small)
    defer { hub.stop() }
    hub.order(Fault(.cdn, .throttle(2_000_000), times: nil))
    let rig = try Rig()
    let environment = environment(rig, hub)
    let fetched = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<count {
        group.addTask {
          let run = try await onThread {
            try Support.Program.run(["pull", "org/model", "--all", "--json"], environment: environment)
          }
          #expect(run.status == 0, "\(run.errors)")
          return try #require(JSONReader.parse(run.output)["fetched_bytes"]?.intValue)
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(fetched == small.reduce(byteCount) { $0 + $1.content.count })
    try rig.succeed("verify")
    #expect(try Files.list("\(rig.folder.path)/store/parts").isEmpty)
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
      let again = try rig.succeed("pull", "org/model", "--all", "--json", environment: ["HF_ENDPOINT": hub.endpoint])
      try rig.succeed("verify")
      #expect([6 << 20, 6 << 20 + 1].contains(try JSONReader.parse(again)["fetched_bytes"]?.intValue))
    }
  }

  @Test("Ctrl-C ends a pull without waiting for anybody, with its own code, and says how to go on")
  func interrupted() async throws {
    try await onThread {
      let hub = try LoopbackHub([.tiled("weights.bin", byteCount: 6 << 20)])
      defer { hub.stop() }
      // Nothing but the signal ends this pull.
      hub.order(Fault(.cdn, .hold(after: 100_000), times: nil))
      let rig = try Rig()
      let errors = "\(rig.folder.path)/errors"
      let patient = environment(rig, hub).merging(["HF_HUB_DOWNLOAD_TIMEOUT": "3600"]) { $1 }
      let process = try Support.Program.start(
        Support.Program.path, ["pull", "org/model", "--all"], environment: patient, errors: errors)
      try waitUntil { hub.heldCount > 0 }
      kill(process, SIGINT)
      let status = Support.Program.ended(process)
      let text = String(decoding: try Files.read(errors), as: UTF8.self)
      #expect(status == 130, "\(text)")
      #expect(text.contains("the same command goes on"), "\(text)")
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
      hub.order(Fault(.cdn, .hold(after: 300_000, cuts: true), times: nil))
      let rig = try Rig()
      let process = try Support.Program.start(
        Support.Program.path, ["pull", "org/model", "--all"], environment: environment(rig, hub))
      try waitUntil { hub.heldCount > 0 }
      hub.state.withLock { state in
        state.files = [.tiled("weights.bin", byteCount: 6 << 20, seed: 9)]
        state.commit = String(repeating: "beef", count: 10)
        state.generation += 1
        state.faults = [Fault(.cdn, .cut(after: 1000, reset: true), times: 8)]
      }
      hub.release()
      #expect([2, 3, 4, 5].contains(Support.Program.ended(process)))
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
