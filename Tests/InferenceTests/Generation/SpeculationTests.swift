// SPDX-License-Identifier: Apache-2.0
// Guessing ahead changes the speed of an answer and nothing else.

import Basics
import Inference
import Support
import Testing
import Tokenizers

@Suite("Speculation")
struct SpeculationTests {
  private func session(
    _ name: String, _ speculation: Session.Options.Speculation, running: Int = 8, kvByteBudget: Int = 64 << 20,
    draft: String? = nil, stepTokens: Int = 128
  ) throws -> Session {
    let folder = Fixtures.url("models/\(name)")
    // Not every model has a tokenizer; what the text is does not matter.
    let tokenizer = try Self.tokenizer
    let model = try LoadedModel.load(
      folder: folder,
      options: LoadedModel.Options(
        threads: 2, contextLength: 600, kvByteBudget: kvByteBudget, sequences: 32, stepTokens: stepTokens))
    return try Session(
      model, tokenizer: tokenizer, options: Session.Options(running: running, speculation: speculation),
      draft: try draft.map {
        Draft(
          try LoadedModel.load(folder: Fixtures.url("models/\($0)"), options: model.options), tokenizer: tokenizer)
      })
  }

  private static var tokenizer: Tokenizer { get throws { try Tokenizer(folder: Fixtures.url("models/llama")) } }

  /// A text that comes again and again, with small changes.
  private static func repeating(_ seed: Int) -> [Int32] {
    let line = (0..<9).map { Int32(20 + ($0 * 13 + seed * 5) % 90) }
    return (0..<6).flatMap { [Int32(3 + ($0 + seed) % 7)] + line }
  }

  /// Requests of many kinds.
  private static let requests: [GenerationRequest] = (0..<12).map { index in
    var parameters = index % 3 == 0 ? SamplingParameters.greedy : SamplingParameters()
    parameters.seed = UInt64(index)
    if index % 3 == 1 { parameters.temperature = 0.4 }
    if index % 4 == 1 { parameters.topP = 0.9 }
    if index % 4 == 2 { parameters.topK = 8 }
    if index % 5 == 3 { parameters.repetitionPenalty = 1.1 }
    if index % 5 == 4 {
      parameters.frequencyPenalty = 0.3
      parameters.presencePenalty = 0.2
    }
    if index == 7 { parameters.logitBias = [21: 3, 25: -4] }
    var request = GenerationRequest(prompt: repeating(index), sampling: parameters, maxTokens: 30 + 7 * index)
    if index % 2 == 0 { request.scoreCount = 2 }
    return request
  }

  private func heard(_ requests: [GenerationRequest], _ session: Session) async throws -> [Heard] {
    var heard = [Heard](repeating: Heard(), count: requests.count)
    for await event in try session.answers(to: requests).events { heard[event.answer].take(event.event) }
    return heard
  }

  private func compare(_ ones: [Heard], _ others: [Heard], _ what: String) {
    for (index, (one, other)) in zip(ones, others).enumerated() {
      #expect(one.tokens == other.tokens, "\(what), request \(index)")
      #expect(one.text == other.text, "\(what), request \(index)")
      #expect(one.scores == other.scores, "\(what), request \(index)")
      #expect(one.reason == other.reason, "\(what), request \(index)")
      #expect(one.statistics.generatedTokens == other.statistics.generatedTokens, "\(what), request \(index)")
    }
  }

  @Test(
    "every guess verified gives the text that none does, alone and together",
    arguments: [
      "llama", "llama-mlx-q4-g64", "qwen2-tied-mlx-q8-g64", "smollm2", "gemma2-sliding", "mistral-sliding",
      "phi3-longrope", "llama-rope-linear-bias-f16", "deepseek_v3-mlx-q4-g32", "qwen3_moe-mlx-q4-g32", "qwen3_next",
    ])
  func same(_ name: String) async throws {
    let plain = try session(name, .off, running: 1)
    var expected: [Heard] = []
    for request in Self.requests { expected.append(try await plain.hear(request)) }
    #expect(plain.activity.draftedTokens == 0)
    let alone = try session(name, .always, running: 1)
    var guessed: [Heard] = []
    for request in Self.requests { guessed.append(try await alone.hear(request)) }
    compare(guessed, expected, "\(name) alone")
    // A state cannot be taken back.
    #expect((alone.activity.draftedTokens > 0) == (name != "qwen3_next"))
    let together = try session(name, .always)
    compare(try await heard(Self.requests, together), expected, "\(name) together")
    compare(try await heard(Self.requests, try session(name, .adaptive)), expected, "\(name) adaptive")
    for one in guessed { #expect(one.statistics.acceptedTokens <= one.statistics.draftedTokens) }
  }

  @Test("guesses of a text that repeats itself are right, and fewer steps are made")
  func accepted() async throws {
    // The tiny model's greedy text runs into a loop.
    let request = GenerationRequest(prompt: Self.repeating(1), sampling: .greedy, maxTokens: 400)
    let plain = try session("llama", .off)
    let expected = try await plain.hear(request)
    let always = try session("llama", .always)
    let heard = try await always.hear(request)
    #expect(heard.tokens == expected.tokens)
    #expect(heard.statistics.acceptedTokens > 40)
    #expect(always.activity.acceptedTokens == heard.statistics.acceptedTokens)
    #expect(always.activity.steps < plain.activity.steps - 40)
  }

  @Test("a cache that runs out sends texts back as without guesses, with the same result")
  func preemption() async throws {
    let expected = try await heard(Self.requests, try session("llama", .off))
    // Two layers of two heads of 16 elements, keys and values, in f16.
    let tight = try session("llama", .always, running: 6, kvByteBudget: 512 * 2 * 2 * 16 * 2 * 2)
    compare(try await heard(Self.requests, tight), expected, "tight")
  }

  @Test("an answer ends in the middle of a guess: stop strings, end tokens, the limit, cancellation")
  func endings() async throws {
    let (plain, always) = (try session("llama", .off), try session("llama", .always))
    var request = GenerationRequest(prompt: Self.repeating(1), sampling: .greedy, maxTokens: 300)
    let whole = try await plain.hear(request)
    for limit in [1, 2, 3, 50, 51, 52, 53, 54, 55, 200] {
      request.maxTokens = limit
      #expect(try await always.hear(request).tokens == Array(whole.tokens.prefix(limit)))
    }
    request.maxTokens = 300
    for place in [60, 61, 62, 63, 64, 100] {
      request.endTokens = [whole.tokens[place]]
      let (one, other) = (try await plain.hear(request), try await always.hear(request))
      compare([one], [other], "end token \(place)")
    }
    request.endTokens = []
    let characters = Array(whole.text)
    for place in [20, characters.count / 2, characters.count - 6] {
      request.stopStrings = [String(characters[place..<place + 4])]
      let (one, other) = (try await plain.hear(request), try await always.hear(request))
      compare([one], [other], "stop string \(place)")
      // What follows finds a cache that holds what was said and nothing else.
      let next = GenerationRequest(prompt: request.prompt + one.tokens + [5, 6], sampling: .greedy, maxTokens: 20)
      compare([try await plain.hear(next)], [try await always.hear(next)], "after stop string \(place)")
    }
    request.stopStrings = []
    request.maxTokens = 500
    let answers = try always.answers(to: Array(repeating: request, count: 50))
    answers.cancel()
    var reason: FinishReason?
    for await event in answers.events { if case .finished(let why, _) = event.event { reason = why } }
    #expect(reason == .cancelled)
    #expect(try await always.hear(Self.requests[0]).tokens == (try await plain.hear(Self.requests[0])).tokens)
  }

  @Test("the context is filled to its last token")
  func fullContext() async throws {
    let request = GenerationRequest(prompt: Self.repeating(1), sampling: .greedy, maxTokens: 5000)
    let expected = try await session("llama", .off).hear(request)
    let heard = try await session("llama", .always).hear(request)
    #expect(heard.tokens == expected.tokens)
    #expect(heard.reason == .length)
    #expect(heard.statistics.generatedTokens + request.prompt.count == 600)
  }

  @Test(
    "a draft model changes nothing: the model itself, its quantized variant, another architecture",
    arguments: [
      ("llama", "llama"), ("llama", "llama-mlx-q4-g64"), ("llama-mlx-q4-g64", "llama-f16-mlx-q4-g32"),
      ("mistral", "llama-tied-f32-mlx-q4-g32"),
    ])
  func draft(_ name: String, _ draft: String) async throws {
    let expected = try await heard(Self.requests, try session(name, .off))
    let always = try session(name, .always, draft: draft, stepTokens: 64)
    compare(try await heard(Self.requests, always), expected, "\(name) by \(draft)")
    #expect(always.activity.draftedTokens > 0)
    if name == draft { #expect(always.activity.acceptedTokens > always.activity.draftedTokens / 3) }
    compare(
      try await heard(Self.requests, try session(name, .adaptive, draft: draft)), expected,
      "\(name) by \(draft), adaptive")
  }

  @Test("a draft model of another vocabulary, or with a state, is refused")
  func unsuitable() throws {
    let other = try Tokenizer(folder: Fixtures.url("tokenizers/qwen2.5"))
    #expect(throws: GenerationProblem.self) { try Draft.check(other, for: try Self.tokenizer) }
    try Draft.check(try Self.tokenizer, for: try Self.tokenizer)
    let llama = Fixtures.url("models/llama")
    let small = try LoadedModel.load(folder: llama, options: LoadedModel.Options(threads: 1, contextLength: 64))
    #expect(throws: GenerationProblem.self) { try Draft.load(folder: llama, for: small, tokenizer: other) }
    let folder = Fixtures.url("models/qwen3_next")
    let model = try LoadedModel.load(
      folder: folder, options: LoadedModel.Options(threads: 1, contextLength: 64, kvByteBudget: 1 << 20))
    let tokenizer = try Self.tokenizer
    #expect(throws: GenerationProblem.unsuitableDraft(why: "its layers keep a state that cannot be taken back")) {
      try Session(model, tokenizer: tokenizer, draft: Draft(model, tokenizer: tokenizer))
    }
  }
}

@Suite("Guesses")
struct GuessTests {
  @Test("the longest earlier place is found, of equals the latest")
  func lookup() {
    var lookup = PromptLookup()
    #expect(lookup.match([1]) == nil)
    #expect(lookup.match([1, 2]) == nil)
    #expect(lookup.match([1, 2, 3, 1, 2]) == PromptLookup.Match(next: 2, length: 2))
    #expect(lookup.match([1, 2, 3, 1, 2, 4, 1, 2]) == PromptLookup.Match(next: 5, length: 2))
    #expect(lookup.match([1, 2, 3, 1, 2, 4, 1, 2, 3]) == PromptLookup.Match(next: 3, length: 3))
    #expect(lookup.match([1, 2, 3, 1, 2, 4, 1, 2, 3, 9]) == nil)
  }

  @Test("the guess is what followed, and goes on with itself at the text's end")
  func continuation() {
    let tokens: [Int32] = [7, 1, 2, 3, 1, 2]
    let match = PromptLookup.Match(next: 3, length: 2)
    #expect(PromptLookup.continuation(of: match, in: tokens, count: 2) == [3, 1])
    #expect(PromptLookup.continuation(of: match, in: tokens, count: 7) == [3, 1, 2, 3, 1, 2, 3])
  }

  @Test("long texts are searched as short ones")
  func longText() {
    var lookup = PromptLookup()
    var tokens = (0..<5000).map { Int32($0 * 7919 % 4999) }
    tokens += tokens[1234..<1240]
    #expect(lookup.match(tokens) == PromptLookup.Match(next: 1240, length: 6))
  }

  @Test("guesses are taken while they pay, the best first")
  func lengths() {
    var times = StepTimes()
    for _ in 0..<20 {
      for count in 1...4 { times.learn(tokens: count, seconds: 0.010 + 0.002 * Double(count)) }
    }
    #expect(abs(times.perToken - 0.002) < 1e-4)
    #expect(abs(times.time(6) - 0.022) < 1e-3)
    func lengths(_ chances: [[Double]]) -> [Int] {
      Drafting.lengths(chances, base: chances.count, expected: Double(chances.count), times: times, limit: 64)
    }
    #expect(lengths([[0.9, 0.9, 0.9]]) == [3])
    #expect(lengths([[0.1, 0.9]]) == [0])
    #expect(lengths([[], [0.8, 0.1]]) == [0, 1])
    // Among many texts a step is long already.
    let many = lengths(Array(repeating: [0.5], count: 16))
    #expect(many == Array(repeating: 0, count: 16))
    #expect(Drafting.lengths([[1, 1, 1]], base: 1, expected: 1, times: times, limit: 2) == [1])
  }

  @Test("odds follow what happened, each length of agreement by itself")
  func odds() {
    var odds = DraftOdds()
    for _ in 0..<40 {
      odds.learn(match: 2, isRight: false)
      odds.learn(match: 9, isRight: true)
      odds.learn(modelIsRight: false)
    }
    #expect(odds.afterMatch(2) < 0.02)
    #expect(odds.afterMatch(9) > 0.98)
    #expect(odds.afterMatch(10) == odds.afterMatch(7))
    #expect(odds.model < 0.1)
  }

  @Test("a draft model is asked for as many tokens as pay")
  func modelLength() {
    var (main, small) = (StepTimes(), StepTimes())
    #expect(Drafting.modelLength([0.9], base: 1, times: main, draft: small, limit: 64) == 2)
    for _ in 0..<20 {
      for count in 1...4 { main.learn(tokens: count, seconds: 0.010 + 0.001 * Double(count)) }
      for count in 1...2 { small.learn(tokens: count, seconds: 0.001 * Double(count)) }
    }
    #expect(Drafting.modelLength([0.95], base: 1, times: main, draft: small, limit: 64) > 3)
    #expect(Drafting.modelLength([0.05], base: 1, times: main, draft: small, limit: 64) == 0)
    #expect(Drafting.modelLength([], base: 1, times: main, draft: small, limit: 64) == 0)
  }
}
