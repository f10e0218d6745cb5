// SPDX-License-Identifier: Apache-2.0
// What this machine gives the program: processor and kernels, memory and its limits.

import Basics
import CKernels

/// Facts of the machine, and what is odd about them.
struct MachineFacts {
  let kernels: String
  /// The best set that this processor can run.
  let best: String
  let cores: Int
  let group: ControlGroup
  /// How the system gives out huge pages: `always`, `madvise` or `never`; nil where it does not say.
  let hugePages: String?
  let findings: [Finding]

  init(environment: [String: String]) {
    func name(_ isa: ck_isa) -> String { String(cString: ck_isa_name(isa)) }
    let wish = environment["IMPETUS_ISA"]
    let choice = ck_isa_choose(wish)
    kernels = name(choice.isa)
    best = name(ck_isa_choose(nil).isa)
    cores = Processor.usableCores
    group = ControlGroup()
    let modes = (try? Files.read("/sys/kernel/mm/transparent_hugepage/enabled", limit: 256))
      .map { String(decoding: $0, as: UTF8.self) }
    hugePages = modes?.split(separator: "[").last?.split(separator: "]").first.map(String.init)
    var findings: [Finding] = []
    func warn(_ code: String, _ place: String, _ message: String) {
      findings.append(Finding(.warning, code: code, place: place, message: message))
    }
    switch choice.wish {
    case CK_WISH_UNKNOWN: warn("isa.unknown", "IMPETUS_ISA", "there is no kernel set \"\(wish ?? "")\"")
    case CK_WISH_UNSUPPORTED: warn("isa.unsupported", "IMPETUS_ISA", "this processor cannot run \"\(wish ?? "")\"")
    default: break
    }
    if kernels == "portable" {
      warn("isa.portable", "processor", "no vector instructions are used: everything is many times slower")
    } else if kernels != best {
      warn("isa.forced", "IMPETUS_ISA", "\(kernels) kernels are used where this processor has \(best)")
    }
    if let limit = group.memoryLimit, limit < Memory.installed / 2 {
      warn(
        "memory.limit", "control group", "\(Quantity.bytes(limit)) of \(Quantity.bytes(Memory.installed)) may be used")
    }
    if hugePages == "never" {
      warn(
        "memory.huge-pages", "/sys/kernel/mm/transparent_hugepage/enabled",
        "huge pages are off: weights are read slower")
    }
    self.findings = findings
  }

  var json: JSONValue {
    func number(_ value: Int?) -> JSONValue { value.map { .integer(Int64($0)) } ?? .null }
    return [
      "cpu": .string(Processor.name), "kernels": .string(kernels), "best_kernels": .string(best),
      "cores": number(cores), "core_limit": group.coreLimit.map { .number($0) } ?? .null,
      "memory_bytes": number(Memory.installed), "memory_available_bytes": number(Memory.available),
      "memory_limit_bytes": number(group.memoryLimit), "memory_limit_used_bytes": number(group.memoryUsed),
      "huge_pages": hugePages.map { .string($0) } ?? .null,
    ]
  }

  /// Rows for people.
  var rows: [(String, String)] {
    let limit = group.memoryLimit.map { ", limited to \(Quantity.bytes($0))" } ?? ""
    let quota = group.coreLimit.map { ", limited to \(Quantity.decimal($0, places: 1))" } ?? ""
    return [
      ("processor", "\(Processor.name), \(cores) cores\(quota)"),
      ("kernels", kernels == best ? kernels : "\(kernels), \(best) would run"),
      (
        "memory",
        "\(Quantity.bytes(Memory.installed)), \(Quantity.bytes(Memory.available)) available\(limit)"
      ),
      ("huge pages", hugePages ?? "unknown"),
    ]
  }
}
