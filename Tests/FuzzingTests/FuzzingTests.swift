// SPDX-License-Identifier: Apache-2.0
// A short run of every fuzz target, always the same inputs; `make fuzz` runs longer ones.

import Basics
import Fuzzing
import Support
import Testing

@Suite("Fuzzing")
struct FuzzingTests {
  @Test("mutated files neither crash nor hang a reader", arguments: FuzzTarget.all.map(\.name))
  func short(name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let scratch = try TemporaryFolder("impetus-fuzz")
    let fixtures = Fixtures.project("Fixtures")
    let seeds = try target.seeds(fixtures).count
    let outcome = try Fuzzer(target, seed: 7, fixtures: fixtures, scratch: scratch.path)
      .run(.init(inputs: seeds + 400))
    #expect(outcome.strangers.isEmpty)
    #expect(outcome.inputs == seeds + 400 && outcome.accepted > 0 && outcome.endings.count > 1)
  }

  @Test("the same seed makes the same inputs")
  func determinism() {
    let mutator = Mutator(dictionary: ["{", "}"], isText: true)
    func inputs() -> [[UInt8]] {
      var random = Randomness(seed: 3)
      return (0..<200).map { _ in mutator.mutate(Array("{\"a\": [1, 2, 3]}".utf8), [1, 2, 3], &random) }
    }
    #expect(inputs() == inputs())
    #expect(Set(inputs()).count > 150)
  }
}
