// SPDX-License-Identifier: Apache-2.0
// The fuzzer as a program: fuzz TARGET [--seconds N | --inputs N] [--seed N], or fuzz TARGET --replay FILE.
//
// Each input is copied to a mapped file before it is read, so that it is there after a crash. A second thread ends the
// process when one input takes more processor time than it may, and the address space is bounded: a crash, a hang and
// an allocation without bounds all end with the input in build/fuzz/TARGET.input and a status that is not 0.

import Basics
import Fuzzing
import Glibc

func fail(_ text: String) -> Never {
  complain(text)
  exit(1)
}

/// The value behind an option.
func option(_ name: String) -> String? {
  guard let place = CommandLine.arguments.firstIndex(of: name), place + 1 < CommandLine.arguments.count else {
    return nil
  }
  return CommandLine.arguments[place + 1]
}

let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
guard CommandLine.arguments.count > 1 else { fail("name a target: \(names), or all") }
let wanted = CommandLine.arguments[1]
let targets = FuzzTarget.all.filter { wanted == "all" || $0.name == wanted }
guard !targets.isEmpty else { fail("there is no target \(wanted): \(names)") }

let folder = "build/fuzz"
let scratch = "/tmp/impetus-fuzz-\(getpid())"
try Files.makeFolders(folder)
try Files.makeFolders(scratch)
defer { try? Files.removeTree(scratch) }

var bound = rlimit(rlim_cur: 8 << 30, rlim_max: 8 << 30)
setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &bound)

let fixtures = option("--fixtures") ?? "Fixtures"
let seed = option("--seed").flatMap { UInt64($0) } ?? 1
let watch = Watch(limit: 20)

for target in targets {
  if let path = option("--replay") {
    var input = try Files.read(path)
    if path.hasSuffix(".input"), input.count >= 8 {
      let count = input[..<8].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
      input = Array(input[8...].prefix(max(0, count)))
    }
    do {
      try target.run(input, scratch)
      print("accepted")
    } catch { print("\(error)") }
    continue
  }
  let record = try InputRecord("\(folder)/\(target.name).input")
  let budget = Fuzzer.Budget(
    inputs: option("--inputs").flatMap { Int($0) } ?? .max,
    seconds: option("--seconds").flatMap { Double($0) } ?? (option("--inputs") == nil ? 60 : .infinity))
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
  fflush(nil)
  for stranger in Set(outcome.strangers).sorted().prefix(5) {
    print("  an error that is not the program's own: \(stranger)")
  }
  if !outcome.strangers.isEmpty { exit(1) }
}
