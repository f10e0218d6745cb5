// SPDX-License-Identifier: Apache-2.0
// A download brings the right bytes or fails clearly, whatever the servers do.

import Basics
import Hub
import Support
import Synchronization
import Testing

/// A fault, and how much of the content may be sent in excess of one copy.
struct SurvivedFault: Sendable, CustomTestStringConvertible {
  let name: String
  let faults: [Fault]
  init(_ name: String, _ faults: Fault...) {
    self.name = name
    self.faults = faults
  }
  var testDescription: String { name }
}

/// A fault, and the problem it ends with.
struct FatalFault: Sendable, CustomTestStringConvertible {
  let name: String
  let fault: Fault
  let code: String
  let status: Basics.ExitStatus
  init(_ name: String, _ fault: Fault, _ code: String, _ status: Basics.ExitStatus) {
    self.name = name
    self.fault = fault
    self.code = code
    self.status = status
  }
  var testDescription: String { name }
}

@Suite(.timeLimit(.minutes(5))) struct DownloadTests {
  static let files = [
    LoopbackFile("config.json", "{\"model_type\": \"llama\"}"),
    LoopbackFile("empty.txt", ""),
    LoopbackFile("deep/er/odd name %41+#?.json", "odd"),
    LoopbackFile.large("model.safetensors", byteCount: 1_000_003),
    LoopbackFile.large("small.safetensors", byteCount: 40_000, seed: 2),
  ]

  @Test("small, empty, oddly named and large files arrive, and nothing else stays") func everything() async throws {
    let rig = try Rig(Self.files)
    try await rig.pull()
    #expect(try rig.isComplete())
    #expect(try rig.leftovers() == [])
    #expect(rig.progress?.receivedByteCount == Self.files.reduce(0) { $0 + $1.content.count })
  }

  @Test("a large file is fetched in ranges over one shared link") func ranges() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: 1_000_003)])
    try await rig.pull()
    let resolves = rig.hub.records.filter { $0.place == .resolve }
    let ranges = rig.hub.records.filter { $0.place == .cdn && $0.request.headers["range"] != nil }
    #expect(resolves.count == 1)
    #expect(ranges.count >= 8)
  }

  @Test("a small file costs one request to resolve and one for its bytes") func requests() async throws {
    let rig = try Rig([LoopbackFile("config.json", "{}")])
    try await rig.pull()
    #expect(rig.hub.records.map(\.place) == [.info, .tree, .resolve, .cache])
  }

  @Test(
    "faults that pass are survived with the right bytes",
    arguments: [
      SurvivedFault("cut in the body", Fault(.cdn, .cut(after: 30_000), times: 3)),
      SurvivedFault("reset in the body", Fault(.cdn, .cut(after: 50_000, reset: true), times: 3)),
      SurvivedFault("closed before the answer", Fault(.resolve, .cut(after: 0)), Fault(.info, .cut(after: 0))),
      SurvivedFault("reset before the answer", Fault(.tree, .cut(after: 0, reset: true), times: 2)),
      SurvivedFault("one flipped byte", Fault(.cdn, .flip(at: 300_000), times: 1)),
      SurvivedFault("a flipped byte of a small file", Fault(.cache, .flip(at: 3), times: 1)),
      SurvivedFault("ranges ignored once", Fault(.cdn, .ignoreRange, times: 1)),
      SurvivedFault("ranges always ignored", Fault(.cdn, .ignoreRange, times: nil)),
      SurvivedFault("chunked without a length", Fault(.cdn, .chunked, times: nil)),
      SurvivedFault("another range than asked", Fault(.cdn, .wrongContentRange, times: 2)),
      SurvivedFault(
        "server errors", Fault(.info, .status(503), times: 2), Fault(.tree, .status(500)),
        Fault(.resolve, .status(502)), Fault(.cdn, .status(504), times: 3)),
      SurvivedFault("time-out status", Fault(.cdn, .status(408), times: 2)),
      SurvivedFault("a web page once", Fault(.cdn, .webPage, times: 1)),
      SurvivedFault("too many requests", Fault(.resolve, .status(429, [("RateLimit", "\"resolvers\";r=0;t=1")]))),
      SurvivedFault(
        "too many requests, with a date",
        Fault(
          .info,
          .status(429, [("Retry-After", "Sun, 06 Nov 1994 08:49:38 GMT"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")]))),
      SurvivedFault("too many requests, with seconds", Fault(.tree, .status(429, [("Retry-After", "1")]))),
      SurvivedFault("a refused fresh link", Fault(.cdn, .status(403), times: 1)),
    ])
  func survived(_ fault: SurvivedFault) async throws {
    let rig = try Rig(Self.files)
    for one in fault.faults { rig.hub.order(one) }
    try await rig.pull()
    #expect(try rig.isComplete())
    #expect(try rig.leftovers() == [])
  }

  @Test(
    "connections that bring nothing, or a trickle, are replaced",
    arguments: [
      SurvivedFault("stall", Fault(.cdn, .hold(after: 20_000))),
      SurvivedFault("stall of a small file", Fault(.cache, .hold(after: 1))),
      SurvivedFault("trickle", Fault(.cdn, .throttle(100))),
    ])
  func replaced(_ fault: SurvivedFault) async throws {
    let rig = try Rig(Self.files)
    for one in fault.faults { rig.hub.order(one) }
    try await rig.pull(rig.client(rig.settings(stall: .seconds(1))))
    #expect(try rig.isComplete())
    #expect(rig.retried == ["nothing came for 1 s"])
  }

  @Test(
    "a request that always moves a little has a deadline all the same",
    arguments: [
      SurvivedFault("a question's head", Fault(.info, .slowHead(letters: 60_000))),
      SurvivedFault("a listing's head", Fault(.tree, .slowHead(letters: 60_000), times: 2)),
      SurvivedFault("a link's head", Fault(.resolve, .slowHead(letters: 60_000))),
      SurvivedFault("a range's head", Fault(.cdn, .slowHead(letters: 60_000), times: 2)),
      SurvivedFault("a range's bytes", Fault(.cdn, .throttle(5_000), times: 4)),
    ])
  func deadline(_ fault: SurvivedFault) async throws {
    let rig = try Rig(Self.files)
    for one in fault.faults { rig.hub.order(one) }
    var settings = try rig.settings()
    settings.questionPatience.deadline = .seconds(1)
    settings.bytePatience.deadline = .seconds(1)
    settings.bytePatience.leastBytesPerSecond = 1 << 20
    settings.retry.attempts = 100  // on a busy machine a second may be too short for an answer
    try await rig.pull(rig.client(settings))
    #expect(try rig.isComplete())
    #expect(rig.retried.contains("no complete answer within 1 s"))
  }

  @Test("a server that never completes its head ends a pull") func endlessHead() async throws {
    let rig = try Rig(Self.files)
    rig.hub.order(Fault(.info, .slowHead(letters: 60_000), times: nil))
    var settings = try rig.settings()
    settings.questionPatience.deadline = .milliseconds(300)
    let problem = await rig.problem(try rig.client(settings))
    #expect(problem?.code == "hub.network" && problem?.why?.contains("no complete answer") == true)
    #expect(rig.hub.records.count == 4)
  }

  @Test("the deadline grows with the bytes, and with a limit of the rate") func deadlines() {
    let patience = Patience(deadline: .seconds(10))
    #expect(patience.time(for: 0, limit: nil) == .seconds(10))
    #expect(patience.time(for: 1 << 20, limit: nil) == .seconds(10 + 64))
    #expect(patience.time(for: 1 << 20, limit: 1 << 19) == .seconds(10 + 256))
    #expect(patience.time(for: 7, limit: 1) == .seconds(17))
  }

  @Test(
    "faults that stay end clearly",
    arguments: [
      FatalFault(
        "always flipped", Fault(.cdn, .flip(at: 10_000), times: nil, matching: ""), "hub.checksum-mismatch", .mismatch),
      FatalFault("always flipped, small", Fault(.cache, .flip(at: 1), times: nil), "hub.checksum-mismatch", .mismatch),
      FatalFault("redirect loop", Fault(.resolve, .loop, times: nil), "hub.redirect", .network),
      FatalFault("redirect loop of questions", Fault(.info, .loop, times: nil), "hub.redirect", .network),
      FatalFault(
        "redirect to elsewhere", Fault(.resolve, .status(302, [("Location", "file:///etc/passwd")]), times: nil),
        "hub.redirect", .network),
      FatalFault("huge headers", Fault(.info, .hugeHeaders, times: nil), "hub.not-a-hub", .network),
      FatalFault("huge headers of the CDN", Fault(.cdn, .hugeHeaders, times: nil), "hub.not-a-hub", .network),
      FatalFault("always a web page", Fault(.cdn, .webPage, times: nil), "hub.wrong-bytes", .mismatch),
      FatalFault("a web page for the listing", Fault(.tree, .webPage, times: nil), "hub.not-a-hub", .network),
      FatalFault(
        "always refused", Fault(.cdn, .status(403, body: "<Error>quota</Error>"), times: nil), "hub.refused", .auth),
      FatalFault("always failing", Fault(.cdn, .status(500, body: "broken"), times: nil), "hub.server", .network),
      FatalFault(
        "taken down",
        Fault(.info, .status(403, [("X-Error-Message", "Access to this resource is disabled.")]), times: nil),
        "hub.disabled", .auth),
      FatalFault(
        "no patience for an hour", Fault(.info, .status(429, [("RateLimit", "\"api\";r=0;t=3600")]), times: nil),
        "hub.rate-limited", .network),
      FatalFault("always closed", Fault(.info, .cut(after: 0), times: nil), "hub.network", .network),
      FatalFault("always another range", Fault(.cdn, .wrongContentRange, times: nil), "hub.wrong-bytes", .mismatch),
      FatalFault("not JSON", Fault(.info, .status(200, body: "hello"), times: nil), "hub.not-a-hub", .network),
      FatalFault(
        "no commit", Fault(.info, .status(200, body: "{\"sha\": \"../../x\"}"), times: nil), "hub.not-a-hub", .network),
      FatalFault("no list", Fault(.tree, .status(200, body: "{}"), times: nil), "hub.invalid-listing", .mismatch),
      FatalFault(
        "another hash on the redirect",
        Fault(
          .resolve, .status(302, [("Location", "/x"), ("X-Linked-ETag", "\"\(String(repeating: "a", count: 64))\"")]),
          times: nil, matching: "model.safetensors"), "hub.checksum-mismatch", .mismatch),
    ])
  func fatal(_ fault: FatalFault) async throws {
    let rig = try Rig(Self.files)
    rig.hub.order(fault.fault)
    let problem = await rig.problem()
    #expect(problem?.code == fault.code, "\(String(describing: problem))")
    #expect(problem?.status == fault.status)
    #expect(!Files.isFile("\(rig.folder.path)/done/model.safetensors") || fault.fault.place == .cache)
  }

  @Test("a persistent refusal shows the server's words") func refusedWords() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: 300_000)])
    rig.hub.order(Fault(.cdn, .status(403, body: "<Error>quota used up</Error>"), times: nil))
    let problem = await rig.problem()
    #expect(problem?.why?.contains("quota used up") == true)
  }

  @Test("after a flipped byte only a second copy is fetched, and the refetch is reported") func flippedOnce()
    async throws
  {
    let rig = try Rig([.large("model.safetensors", byteCount: 500_000)])
    rig.hub.order(Fault(.cdn, .flip(at: 100_000), times: 8))
    _ = await rig.problem()
    let refetched = rig.events.withLock { events in
      events.compactMap { event -> Int? in if case .refetching(_, let count, true) = event { count } else { nil } }
    }
    #expect(refetched == [500_000])
  }

  @Test("wrong bytes are found by second copies, and the rest is not fetched again") func search() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: 2_000_000)])
    var options = Rig.options
    options.connections = 1
    // A byte of the third range is wrong once. In the second round no range after the fourth would ever end.
    rig.hub.order(
      Fault(.cdn, .flip(at: 300_000), from: 2 * 131_072), Fault(.cdn, .none, times: 12, from: 4 * 131_072),
      Fault(.cdn, .hold(after: 40_000), times: nil, from: 4 * 131_072))
    try await rig.pull(rig.client(rig.settings(stall: .seconds(3600))), options: options)
    #expect(try rig.isComplete())
    #expect(try rig.leftovers() == [])
    let second = rig.hub.asked(of: 2_000_000, from: rig.hub.records.count { $0.place != .cdn } + 16)
    #expect(second.contains(300_000) && second.isSubset(of: RangeSet([0..<5 * 131_072])))
    #expect(rig.progress?.landedByteCount == 2_000_000)
  }

  @Test("an expired link is renewed in mid-file") func expiredLink() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: 2_000_000)])
    rig.hub.order(Fault(.cdn, .hold(after: 50_000), times: 4))
    let pull = Task { try await rig.pull() }
    try await eventually { rig.hub.heldCount == 4 }
    rig.hub.state.withLock { $0.generation += 1 }
    rig.hub.release()
    _ = try await pull.value
    #expect(try rig.isComplete())
    #expect(rig.hub.records.filter { $0.place == .resolve }.count == 2)
    #expect(rig.progress?.receivedByteCount == 2_000_000)
  }

  @Test("five hundred small files") func manyFiles() async throws {
    let files = (0..<500).map { LoopbackFile("data/\($0).json", "{\"number\": \($0)}") }
    let rig = try Rig(files)
    rig.hub.state.withLock { $0.pageSize = 37 }
    try await rig.pull()
    #expect(try rig.isComplete())
    #expect(rig.hub.records.filter { $0.place == .tree }.count == 14)
  }

  @Test("mirrors' weak tags without quotes are read") func oddTags() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: 300_000)])
    rig.hub.state.withLock { $0.hasOddTags = true }
    try await rig.pull()
    #expect(try rig.isComplete())
  }

  @Test("a rate limit holds for all connections together") func rateLimit() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: 1_500_000)])
    var settings = try rig.settings()
    settings.network.bytesPerSecond = 1_000_000
    let client = try rig.client(settings)
    let duration = try await ContinuousClock().measure { try await rig.pull(client) }
    #expect(try rig.isComplete())
    // A tenth of a second may be in stock, and the last bytes come at once: a quarter of a megabyte is offered at a time.
    #expect(duration > .milliseconds(1100))
  }

  @Test("the budget of a rate fills with time, has a tenth of a second in stock, and pays back") func rateBudget() {
    let start = ContinuousClock.now
    var budget = RateBudget(bytesPerSecond: 1000, now: start)
    #expect(!budget.isOpen)
    budget.refill(now: start + .milliseconds(20))
    #expect(budget.isOpen)
    budget.spend(20)
    #expect(!budget.isOpen)
    budget.refill(now: start + .seconds(60))
    budget.spend(99)
    #expect(budget.isOpen)
    budget.spend(501)
    budget.refill(now: start + .seconds(60) + .milliseconds(499))
    #expect(!budget.isOpen)
    budget.refill(now: start + .seconds(60) + .milliseconds(502))
    #expect(budget.isOpen)
  }

  @Test("progress ends at the whole, and counts what was here") func progress() async throws {
    let rig = try Rig(Self.files)
    try await rig.pull()
    let last = rig.progress
    #expect(last?.landedByteCount == last?.byteCount)
    #expect(last?.finishedFileCount == Self.files.count)
    #expect(last?.active.isEmpty == true)
  }
}
