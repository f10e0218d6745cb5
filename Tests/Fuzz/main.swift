// SPDX-License-Identifier: Apache-2.0
// The fuzzer as a program: fuzz TARGET [--seconds N | --inputs N] [--seed N], or fuzz TARGET --replay FILE.
//
// Each input is copied to a mapped file before it is read, so that it is there after a crash. A second thread ends the
// process when one input takes more processor time than it may, and the address space is bounded: a crash, a hang and
// an allocation without bounds all end with the input in build/fuzz/TARGET.input and a signal; an error that is none of the
// program's own ends with 1, and what cannot begin with 2.

import Basics
import Fuzzing
import Glibc

/// Ends what cannot begin, or go on.
func fail(_ text: String) -> Never {
  complain(text)
  exit(2)
}

/// The value behind an option.
func option(_ name: String) -> String? {
  guard let place = CommandLine.arguments.firstIndex(of: name), place + 1 < CommandLine.arguments.count else {
    return nil
  }
  return CommandLine.arguments[place + 1]
}

/// Reads one input again: a record of this program's, or any file.
func replay(_ path: String, _ target: FuzzTarget, scratch: String) throws {
  var input = try Files.read(path)
  if path.hasSuffix(".input"), input.count >= 8 {
    let count = input[..<8].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    input = Array(input[8...].prefix(max(0, count)))
  }
  do {
    try target.run(input, scratch)
    print("accepted")
  } catch { print("\(error)") }
}

/// Runs a target for the time or the inputs that the options say.
/// - Returns: whether all errors were the program's own.
func run(_ target: FuzzTarget, fixtures: String, scratch: String, watch: Watch) throws -> Bool {
  let folder = "build/fuzz"
  try Files.makeFolders(folder)
  let record = try InputRecord("\(folder)/\(target.name).input")
  let budget = Fuzzer.Budget(
    inputs: option("--inputs").flatMap { Int($0) } ?? .max,
    seconds: option("--seconds").flatMap { Double($0) } ?? (option("--inputs") == nil ? 60 : .infinity))
  let seed = option("--seed").flatMap { UInt64($0) } ?? 1
  let outcome = try Fuzzer(target, seed: seed, fixtures: fixtures, scratch: scratch).run(budget) { input in
    record.note(input)
    watch.begin()
  }
  watch.end()
  try AtomicFile.write(outcome.slowestInput, to: "\(folder)/\(target.name).slowest")
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  let milliseconds = Int(outcome.slowest * 1000)
  print(
    "\(target.name): \(outcome.inputs) inputs, \(outcome.accepted) accepted, \(outcome.endings.count) kinds of endings, "
      + "slowest \(milliseconds) ms, peak \(usage.ru_maxrss >> 10) MiB")
  for stranger in Set(outcome.strangers).sorted().prefix(5) {
    print("  an error that is not the program's own: \(stranger)")
  }
  fflush(nil)
  return outcome.strangers.isEmpty
}

let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
guard CommandLine.arguments.count > 1 else { fail("name a target: \(names), or all") }
let wanted = CommandLine.arguments[1]
let targets = FuzzTarget.all.filter { wanted == "all" || $0.name == wanted }
guard !targets.isEmpty else { fail("there is no target \(wanted): \(names)") }
let fixtures = option("--fixtures") ?? "Fixtures"
let replayed = option("--replay")
guard replayed != nil || Files.isFolder("\(fixtures)/fuzz") else {
  fail("there are no seeds in \(fixtures)/fuzz: start this in the project's folder, or name its Fixtures by --fixtures")
}

var bound = rlimit(rlim_cur: 8 << 30, rlim_max: 8 << 30)
setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &bound)

let scratch = "/tmp/impetus-fuzz-\(getpid())"
var isClean = true
do {
  try Files.makeFolders(scratch)
  let watch = Watch(limit: 20)
  for target in targets where isClean {
    if let replayed {
      try replay(replayed, target, scratch: scratch)
    } else {
      isClean = try run(target, fixtures: fixtures, scratch: scratch, watch: watch)
    }
  }
  try Files.removeTree(scratch)
} catch {
  try? Files.removeTree(scratch)
  fail("\(error)")
}
exit(isClean ? 0 : 1)
