// SPDX-License-Identifier: Apache-2.0
// The loop: an input is made, noted where it outlives a crash, and read. Inputs that end in a way not seen before become
// seeds themselves; the kind of error, without its numbers and names, stands in for coverage.

import Basics
import Glibc
import Synchronization

/// Runs a target.
public struct Fuzzer: Sendable {
  /// When to stop.
  public struct Budget: Sendable {
    public var inputs: Int
    public var seconds: Double

    public init(inputs: Int = .max, seconds: Double = .infinity) {
      self.inputs = inputs
      self.seconds = seconds
    }
  }

  /// What happened.
  public struct Outcome: Sendable {
    public var inputs = 0
    /// Inputs that were read to the end.
    public var accepted = 0
    /// Kinds of endings.
    public var endings: Set<String> = []
    /// Most processor time one input took, in seconds.
    public var slowest = 0.0
    /// The input that took it.
    public var slowestInput: [UInt8] = []
    /// Errors that are none of the program's own: each a fault.
    public var strangers: [String] = []
  }

  private let target: FuzzTarget
  private let seed: UInt64
  private let fixtures: String
  private let scratch: String

  /// - Parameter scratch: an existing folder for files.
  public init(_ target: FuzzTarget, seed: UInt64, fixtures: String, scratch: String) {
    self.target = target
    self.seed = seed
    self.fixtures = fixtures
    self.scratch = scratch
  }

  /// Most inputs kept as seeds beside the given ones.
  private static let keptLimit = 2000

  /// Runs until the budget is spent: first the seeds as they are, then what is made of them.
  /// - Parameter note: told each input before it is read.
  public func run(_ budget: Budget, note: (_ input: [UInt8]) -> Void = { _ in }) throws -> Outcome {
    var random = Randomness(seed: seed)
    var seeds = try target.seeds(fixtures)
    let given = seeds.count
    var outcome = Outcome()
    let start = Self.seconds(CLOCK_MONOTONIC)
    while outcome.inputs < budget.inputs, Self.seconds(CLOCK_MONOTONIC) - start < budget.seconds {
      let input =
        outcome.inputs < given
        ? seeds[outcome.inputs]
        : target.mutator.mutate(
          random.pick(random.below(2) == 0 ? seeds[..<given] : seeds[...]), random.pick(seeds), &random)
      note(input)
      let before = Self.seconds(CLOCK_THREAD_CPUTIME_ID)
      let ending = read(input, &outcome)
      let taken = Self.seconds(CLOCK_THREAD_CPUTIME_ID) - before
      if taken > outcome.slowest { (outcome.slowest, outcome.slowestInput) = (taken, input) }
      outcome.inputs += 1
      if outcome.endings.insert(ending).inserted, seeds.count < given + Self.keptLimit { seeds.append(input) }
    }
    return outcome
  }

  /// Reads one input; says how that ended.
  private func read(_ input: [UInt8], _ outcome: inout Outcome) -> String {
    do {
      try target.run(input, scratch)
      outcome.accepted += 1
      return "accepted"
    } catch let problem as any Problem {
      return Self.kind("\(problem.code) \(problem.description)")
    } catch let problem as any Error & CustomStringConvertible {
      return Self.kind("\(type(of: problem)) \(problem.description)")
    } catch {
      outcome.strangers.append("\(error)")
      return Self.kind("\(error)")
    }
  }

  /// A message without its numbers and quoted names.
  private static func kind(_ message: String) -> String {
    var (result, isQuoted) = ("", false)
    for character in message.prefix(200) {
      if character == "\"" { isQuoted.toggle() }
      if !isQuoted, character.isASCII, !character.isNumber { result.append(character) }
    }
    return String(result.prefix(90))
  }

  static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
