// SPDX-License-Identifier: Apache-2.0
// The engine thread on a tiny model with random weights: what it says is noise, but always the same noise.

import Basics
import Inference
import Support
import Testing
import Tokenizers

/// Everything an answer said.
struct Heard: Sendable {
  var text = ""
  var tokens: [Int32] = []
  var scores: [ScoredToken] = []
  var promptScores: [ScoredToken?]?
  var cachedTokens: Int?
  var reason: FinishReason?
  var statistics = GenerationStatistics()

  mutating func take(_ event: GenerationEvent) {
    switch event {
    case .started(_, let cached): cachedTokens = cached
    case .promptScores(let scores): promptScores = scores
    case .piece(let piece):
      text += piece.text
      tokens += piece.tokens.map(\.token)
      scores += piece.tokens.compactMap(\.score)
    case .finished(let reason, let statistics):
      self.reason = reason
      self.statistics = statistics
    }
  }
}

extension Session {
  /// Runs a request to its end.
  func hear(_ request: GenerationRequest) async throws -> Heard {
    var heard = Heard()
    for await event in try generate(request) { heard.take(event) }
    return heard
  }
}

@Suite("Session")
struct SessionTests {
  static let folder = Fixtures.url("models/llama")

  static func session(
    _ options: Session.Options = Session.Options(), sequences: Int = 32, kvTokens: Int? = nil, stepTokens: Int = 512,
    precise: Bool = false
  ) throws -> Session {
    // Two layers of two heads of 16 elements, keys and values, in f16 or f32.
    let tokenBytes = 2 * 2 * 16 * 2 * (precise ? 4 : 2)
    let model = try LoadedModel.load(
      folder: folder,
      options: LoadedModel.Options(
        precise: precise, threads: 2, kvByteBudget: (kvTokens ?? 16384) * tokenBytes, sequences: sequences,
        stepTokens: stepTokens))
    return try Session(model, tokenizer: try Tokenizer(folder: folder), options: options)
  }

  static func prompt(_ length: Int, seed: Int = 1) -> [Int32] {
    (0..<length).map { Int32(3 + ($0 * 7 + seed * 31 + $0 * $0 * seed) % 300) }
  }

  static func sampled(_ prompt: [Int32], seed: UInt64 = 5, maxTokens: Int = 24) -> GenerationRequest {
    var parameters = SamplingParameters()
    parameters.seed = seed
    parameters.topP = 0.95
    return GenerationRequest(prompt: prompt, sampling: parameters, maxTokens: maxTokens)
  }

  @Test("continues greedily as the reference does", arguments: ["short", "long"])
  func reference(name: String) async throws {
    let file = try JSONReader.parse(try Fixtures.bytes("models/llama/reference.json"))
    let sequence = try #require(file["sequences"]?[name])
    let prompt = sequence["input_ids"]?.arrayValue?.compactMap { $0.intValue.map { Int32($0) } } ?? []
    let expected = sequence["greedy"]?.arrayValue?.compactMap { $0.intValue.map { Int32($0) } } ?? []
    #expect(!expected.isEmpty)
    let session = try Self.session(precise: true)
    let heard = try await session.hear(GenerationRequest(prompt: prompt, sampling: .greedy, maxTokens: expected.count))
    #expect(heard.tokens == expected)
    #expect(heard.reason == .length)
    #expect(heard.statistics.generatedTokens == expected.count)
    #expect(heard.statistics.timeToFirstToken != nil)
  }

  @Test("says the same among sixteen as alone, sampled and greedy, long prompts and short")
  func neighbours() async throws {
    let requests = (0..<16).map { index -> GenerationRequest in
      var request = Self.sampled(
        Self.prompt(3 + index * index * 2, seed: index), seed: UInt64(index), maxTokens: 10 + index)
      if index % 3 == 0 { request.sampling = .greedy }
      if index % 4 == 1 { request.sampling.repetitionPenalty = 1.2 }
      return request
    }
    let alone = try Self.session(Session.Options(running: 1, reusesPrefixes: false))
    var expected: [Heard] = []
    for request in requests { expected.append(try await alone.hear(request)) }
    let together = try Self.session(Session.Options(running: 16), stepTokens: 64)
    let heard = try await withThrowingTaskGroup(of: (Int, Heard).self) { group in
      for (index, request) in requests.enumerated() { group.addTask { (index, try await together.hear(request)) } }
      return try await group.reduce(into: [Int: Heard]()) { $0[$1.0] = $1.1 }
    }
    for index in requests.indices {
      #expect(heard[index]?.tokens == expected[index].tokens, "request \(index)")
      #expect(heard[index]?.text == expected[index].text, "request \(index)")
    }
  }

  @Test("gives the same text for the same seed, and another for another")
  func seeds() async throws {
    let session = try Self.session()
    let first = try await session.hear(Self.sampled(Self.prompt(9), seed: 1))
    #expect(try await session.hear(Self.sampled(Self.prompt(9), seed: 1)).tokens == first.tokens)
    #expect(try await session.hear(Self.sampled(Self.prompt(9), seed: 2)).tokens != first.tokens)
  }

  @Test("reads a prompt that continues an earlier text only where it is new, with the same result")
  func prefixes() async throws {
    let session = try Self.session()
    let fresh = try Self.session(Session.Options(reusesPrefixes: false))
    let begin = Self.prompt(100)
    let first = try await session.hear(GenerationRequest(prompt: begin, sampling: .greedy, maxTokens: 20))
    #expect(first.cachedTokens == 0)
    let next = begin + first.tokens + Self.prompt(30, seed: 4)
    let second = try await session.hear(GenerationRequest(prompt: next, sampling: .greedy, maxTokens: 20))
    #expect(second.cachedTokens == 119)
    #expect(second.statistics.cachedTokens == 119)
    let expected = try await fresh.hear(GenerationRequest(prompt: next, sampling: .greedy, maxTokens: 20))
    #expect(expected.cachedTokens == 0)
    #expect(second.tokens == expected.tokens)
    // The very same prompt leaves one token to compute.
    let again = try await session.hear(GenerationRequest(prompt: next, sampling: .greedy, maxTokens: 20))
    #expect(again.cachedTokens == next.count - 1)
    #expect(again.tokens == expected.tokens)
  }

  @Test("ends at a stop string and keeps nothing of it, or lets held text go at the end")
  func stops() async throws {
    let session = try Self.session()
    let plain = try await session.hear(GenerationRequest(prompt: Self.prompt(12), sampling: .greedy, maxTokens: 40))
    let characters = Array(plain.text)
    try #require(characters.count > 12)
    var request = GenerationRequest(prompt: Self.prompt(12), sampling: .greedy, maxTokens: 40)
    let stop = String(characters[8..<11])
    request.stopStrings = ["never said", stop]
    let stopped = try await session.hear(request)
    #expect(stopped.reason == .stop(stop))
    let before = plain.text.firstRange(of: stop).map { String(plain.text[..<$0.lowerBound]) }
    #expect(stopped.text == before)
    // The end of the text begins a stop string that never comes.
    request.stopStrings = [String(characters.suffix(2)) + "and more"]
    let held = try await session.hear(request)
    #expect(held.text == plain.text)
    #expect(held.tokens == plain.tokens)
    #expect(held.reason == .length)
  }

  @Test("ends at an end token, which has no text but counts")
  func endTokens() async throws {
    let session = try Self.session()
    let plain = try await session.hear(GenerationRequest(prompt: Self.prompt(12), sampling: .greedy, maxTokens: 30))
    var request = GenerationRequest(prompt: Self.prompt(12), sampling: .greedy, maxTokens: 30)
    let end = plain.tokens[7]
    let place = try #require(plain.tokens.firstIndex(of: end))
    request.endTokens = [end]
    let ended = try await session.hear(request)
    #expect(ended.reason == .stop(nil))
    #expect(ended.tokens == Array(plain.tokens[..<place]))
    #expect(ended.statistics.generatedTokens == place + 1)
  }

  @Test("cancels when nobody listens, also in the queue and in a prompt")
  func cancels() async throws {
    let session = try Self.session(Session.Options(running: 1))
    let long = Self.sampled(Self.prompt(20), maxTokens: 1500)
    let running = try session.answers(to: Array(repeating: long, count: 100))
    var waiting: AsyncStream<GenerationEvent>? = try session.generate(long)
    _ = waiting
    waiting = nil
    // Without a pause in which other tests could keep this one from its thread while all is answered.
    while session.activity.steps < 3 {}
    running.cancel()
    var pieces = 0
    var reason: FinishReason?
    for await event in running.events {
      if case .piece = event.event { pieces += 1 }
      if case .finished(let why, _) = event.event { reason = why }
    }
    #expect(reason == .cancelled)
    #expect(pieces < 100 * 1500)
    let after = try await session.hear(Self.sampled(Self.prompt(5), maxTokens: 3))
    #expect(after.tokens.count == 3)
    #expect(session.activity.waiting == 0)
  }

  @Test("refuses what cannot run, before it waits")
  func refusals() throws {
    let session = try Self.session(kvTokens: 256)
    #expect(session.capacity == 256)
    #expect(throws: GenerationProblem.emptyPrompt) { try session.generate(GenerationRequest(prompt: [])) }
    #expect(throws: GenerationProblem.unknownToken(id: 320, vocabulary: 320)) {
      try session.generate(GenerationRequest(prompt: [1, 320]))
    }
    #expect(throws: GenerationProblem.unknownToken(id: -1, vocabulary: 320)) {
      try session.generate(GenerationRequest(prompt: [-1]))
    }
    #expect(throws: GenerationProblem.promptTooLong(tokens: 256, limit: 256)) {
      try session.generate(GenerationRequest(prompt: Self.prompt(256)))
    }
  }

  @Test("bounds its queue, and takes several answers or none")
  func queue() async throws {
    let session = try Self.session(Session.Options(running: 1, waiting: 2))
    let long = Self.sampled(Self.prompt(20), maxTokens: 1500)
    // All or none: three never fit, and leave nothing behind.
    #expect(throws: GenerationProblem.queueFull(limit: 2)) { try session.answers(to: [long, long, long]) }
    var taken = [try session.answers(to: [long, long])]
    #expect(throws: GenerationProblem.queueFull(limit: 2)) {
      for _ in 0..<100 { taken.append(try session.answers(to: [long])) }
    }
    for answers in taken { answers.cancel() }
    for answers in taken { for await _ in answers.events {} }
    #expect(try await session.hear(Self.sampled(Self.prompt(5), maxTokens: 2)).tokens.count == 2)
  }

  @Test("fills the context to its end and says so")
  func fullContext() async throws {
    let session = try Self.session(kvTokens: 128)
    let heard = try await session.hear(Self.sampled(Self.prompt(100), maxTokens: 500))
    #expect(heard.reason == .length)
    #expect(heard.statistics.generatedTokens == 28)
  }

  @Test("answers more than fit at once by reading texts again, with the same result")
  func preemption() async throws {
    let requests = (0..<6).map { Self.sampled(Self.prompt(20 + $0, seed: $0), seed: UInt64($0), maxTokens: 150) }
    let roomy = try Self.session(Session.Options(running: 1, reusesPrefixes: false))
    var expected: [[Int32]] = []
    for request in requests { expected.append(try await roomy.hear(request).tokens) }
    let tight = try Self.session(Session.Options(running: 6), kvTokens: 512)
    var heard = [Heard](repeating: Heard(), count: requests.count)
    for await event in try tight.answers(to: requests).events { heard[event.answer].take(event.event) }
    #expect(tight.activity.preemptions > 0)
    for index in requests.indices {
      #expect(heard[index].reason == .length)
      #expect(heard[index].tokens == expected[index], "request \(index)")
    }
  }

  @Test("ends in time")
  func timeLimit() async throws {
    let session = try Self.session()
    var request = Self.sampled(Self.prompt(20), maxTokens: 1900)
    request.timeLimit = .milliseconds(5)
    let heard = try await session.hear(request)
    #expect(heard.reason == .timeout)
  }

  @Test("gives several answers to one request, each of its own")
  func choices() async throws {
    let session = try Self.session()
    let requests = (0..<3).map { choice in
      var request = Self.sampled(Self.prompt(9), seed: 77)
      request.choice = UInt32(choice)
      return request
    }
    var heard = [Heard](repeating: Heard(), count: 3)
    for await event in try session.answers(to: requests).events { heard[event.answer].take(event.event) }
    #expect(Set(heard.map(\.tokens)).count == 3)
    #expect(heard[0].tokens == (try await session.hear(requests[0])).tokens)
    #expect(heard[2].tokens == (try await session.hear(requests[2])).tokens)
  }

  @Test("scores a prompt as it would have scored it as an answer")
  func promptScores() async throws {
    let session = try Self.session()
    var request = GenerationRequest(prompt: Self.prompt(50), sampling: .greedy, maxTokens: 20)
    request.scoreCount = 2
    let answer = try await session.hear(request)
    #expect(answer.scores.count == 20)
    #expect(answer.scores.allSatisfy { $0.alternatives.count == 2 && $0.chosen == $0.alternatives[0] })
    var reading = GenerationRequest(prompt: request.prompt + answer.tokens, maxTokens: 0)
    reading.promptScoreCount = 2
    let read = try await session.hear(reading)
    let scores = try #require(read.promptScores)
    #expect(scores.count == 70)
    #expect(scores[0] == nil)
    #expect(scores[50...].compactMap { $0 } == answer.scores)
    #expect(read.tokens.isEmpty)
    #expect(read.reason == .length)
  }

  @Test("ends everything when closed, and takes no more")
  func closes() async throws {
    let session = try Self.session()
    let answers = try session.answers(to: [Self.sampled(Self.prompt(20), maxTokens: 1900)])
    await session.close()
    var reason: FinishReason?
    for await event in answers.events { if case .finished(let why, _) = event.event { reason = why } }
    #expect(reason == .cancelled)
    #expect(throws: GenerationProblem.closed) { try session.generate(Self.sampled(Self.prompt(5))) }
  }
}
