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

  @Test("the program says what it lacks where it cannot begin, and ends with 2")
  func elsewhere() throws {
    let program = "\(Files.parent(of: Support.Program.path))/fuzz"
    let folder = try TemporaryFolder("impetus-fuzz")
    func run(_ arguments: [String]) throws -> Support.Program.Run {
      try Support.Program.run(["-C", folder.path, program] + arguments, of: "/usr/bin/env")
    }
    for arguments in [["template", "--inputs", "9"], ["template", "--fixtures", "/nowhere"], ["mystery"], []] {
      let ended = try run(arguments)
      #expect(ended.status == 2 && ended.output.isEmpty, "\(arguments)")
      #expect(ended.errors.hasPrefix("fuzz: ") && ended.errors.split(separator: "\n").count == 1, "\(ended.errors)")
    }
    let lost = try run(["template", "--replay", "absent.input"])
    #expect(lost.status == 2 && lost.errors.contains("absent.input"))
    #expect(try Files.list(folder.path) == [])
    let whole = try run(["template", "--inputs", "9", "--fixtures", Fixtures.project("Fixtures")])
    #expect(whole.status == 0 && whole.output.hasPrefix("template: 9 inputs"))
    #expect(try run(["template", "--replay", "build/fuzz/template.input"]).status == 0)
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
