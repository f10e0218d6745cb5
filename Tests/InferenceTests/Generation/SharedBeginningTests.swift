// SPDX-License-Identifier: Apache-2.0
// Texts that begin alike: read once, kept in the same pages, and each goes on as it would alone.

import Inference
import Support
import Testing
import Tokenizers

@Suite("Shared beginnings")
struct SharedBeginningTests {
  /// What each request says with nothing shared, one after the other.
  private func alone(_ requests: [GenerationRequest]) async throws -> [[Int32]] {
    let session = try SessionTests.session(Session.Options(running: 1, reusesPrefixes: false))
    var heard: [[Int32]] = []
    for request in requests { heard.append(try await session.hear(request).tokens) }
    return heard
  }

  private func together(_ requests: [GenerationRequest], _ session: Session) async throws -> [Heard] {
    var heard = [Heard](repeating: Heard(), count: requests.count)
    for await event in try session.answers(to: requests).events { heard[event.answer].take(event.event) }
    return heard
  }

  /// Several answers to one prompt.
  private func answers(_ count: Int, to prompt: [Int32], maxTokens: Int) -> [GenerationRequest] {
    (0..<count).map { choice in
      var request = SessionTests.sampled(prompt, seed: 9, maxTokens: maxTokens)
      request.choice = UInt32(choice)
      return request
    }
  }

  @Test(
    "a prompt of several answers is read once, whether its last page is full or not, and each answer is its own",
    arguments: [100, 128, 129, 191, 700])
  func answersToOnePrompt(length: Int) async throws {
    let requests = answers(6, to: SessionTests.prompt(length), maxTokens: 80)
    let expected = try await alone(requests)
    let session = try SessionTests.session(stepTokens: 64)
    let heard = try await together(requests, session)
    for index in requests.indices {
      #expect(heard[index].tokens == expected[index], "answer \(index)")
      #expect(heard[index].cachedTokens == (index == 0 ? 0 : length - 1))
      #expect(heard[index].statistics.cachedTokens == (index == 0 ? 0 : length - 1))
    }
  }

  @Test("an answer that ends with the first token leaves the others their beginning")
  func leaderEnds() async throws {
    let requests = answers(5, to: SessionTests.prompt(150), maxTokens: 1)
    let expected = try await alone(requests)
    let heard = try await together(requests, try SessionTests.session())
    #expect(heard.map(\.tokens) == expected)
    #expect(heard.map(\.statistics.cachedTokens) == [0, 149, 149, 149, 149])
  }

  @Test("prompts that part later than they begin share what they have in common, also with an answer under way")
  func differentEnds() async throws {
    let begin = SessionTests.prompt(90)
    let requests = (0..<5).map {
      SessionTests.sampled(
        begin[..<(90 - $0)] + SessionTests.prompt(10 + 30 * $0, seed: 5 + $0), seed: UInt64($0), maxTokens: 60)
    }
    let expected = try await alone(requests)
    let heard = try await together(requests, try SessionTests.session(stepTokens: 32))
    #expect(heard.map(\.tokens) == expected)
    #expect(heard.dropFirst().allSatisfy { $0.statistics.cachedTokens > 80 })
  }

  @Test("more answers than their prompts alone would fill the cache run at once")
  func memory() async throws {
    // Eight times 600 tokens; there is room for 1728.
    let requests = answers(8, to: SessionTests.prompt(600), maxTokens: 64)
    let expected = try await alone(requests)
    let session = try SessionTests.session(Session.Options(running: 8, speculation: .off), kvTokens: 1728)
    let heard = try await together(requests, session)
    #expect(heard.map(\.tokens) == expected)
    #expect(session.activity.preemptions == 0)
    // The prompt's steps, then all answers side by side.
    #expect(session.activity.steps < 2 * 64)
  }

  @Test("a cache too small for all gives the same texts, what is shared read again where it was given up")
  func preemption() async throws {
    let requests = answers(6, to: SessionTests.prompt(40), maxTokens: 150)
    let expected = try await alone(requests)
    let session = try SessionTests.session(Session.Options(running: 6), kvTokens: 512)
    let heard = try await together(requests, session)
    #expect(session.activity.preemptions > 0)
    #expect(heard.map(\.tokens) == expected)
  }

  @Test("a text that shares its beginning with a finished one leaves that one whole")
  func finishedStaysWhole() async throws {
    let session = try SessionTests.session()
    let begin = SessionTests.prompt(70)
    let long = begin + SessionTests.prompt(300, seed: 3)
    _ = try await session.hear(GenerationRequest(prompt: long, sampling: .greedy, maxTokens: 4))
    let other = GenerationRequest(prompt: begin + SessionTests.prompt(50, seed: 8), sampling: .greedy, maxTokens: 70)
    let heard = try await session.hear(other)
    #expect(heard.cachedTokens == 70)
    #expect(heard.tokens == (try await alone([other]))[0])
    let next = GenerationRequest(prompt: long + SessionTests.prompt(20, seed: 2), sampling: .greedy, maxTokens: 70)
    let again = try await session.hear(next)
    #expect(again.cachedTokens == long.count)
    #expect(again.tokens == (try await alone([next]))[0])
  }
}
