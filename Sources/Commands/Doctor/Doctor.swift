// SPDX-License-Identifier: Apache-2.0
// `impetus doctor`: whether all that the program needs is in order.

import ArgumentParser
import Basics
import Hub
import Library
import Store

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look over the store, the machine and the way to the hub.",
    discussion: """
      Looks and changes nothing. Contents are looked for and their sizes compared, not read: that is `impetus verify`. Ends
      with exit code 2 when the store is damaged; warnings, such as a hub that does not answer, leave it at 0.

      Examples:
        impetus doctor
        impetus doctor --offline --json
      """)

  @Flag(name: .long, help: "Do not ask the hub.")
  var offline = false

  @Option(name: .long, help: "The hub's address.")
  var endpoint: String?

  @Option(name: .long, help: "Seconds to wait for the hub.")
  var timeout = 5

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...600).contains(timeout) else { throw ValidationError("--timeout takes 1 to 600 seconds") }
  }

  func run() async throws {
    let library = try storeOptions.library()
    let store = library.store
    let health = try StoreHealth(store)
    let machine = MachineFacts(environment: Environment.all)
    let (hub, reachability) = try await ask()
    let (policies, policyFindings) = self.policies()
    var findings = health.findings + machine.findings + policyFindings
    for other in library.others where !other.exists {
      findings.append(finding("store.absent", other.layout.root, "there is no store at this folder of IMPETUS_PATH"))
    }
    switch reachability {
    case .refusesToken: findings.append(finding("hub.token", hub, "it does not take the token"))
    case .silent(let why): findings.append(finding("hub.silent", hub, "it does not answer: \(why)"))
    case .answers, nil: break
    }
    let isHealthy = !findings.contains { $0.severity == .error }
    if output.json {
      Output.standard.json([
        "healthy": .bool(isHealthy), "version": .string(Program.version), "store": json(health, store),
        "other_stores": .array(library.stores.dropFirst().map { .string($0.layout.root) }),
        "policies": .array(policies.map { .string($0) }), "machine": machine.json, "hub": json(hub, reachability),
        "findings": .array(findings.map(\.json)),
      ])
    } else {
      let others = library.stores.dropFirst().map { ("also read", $0.layout.root) }
      let rules = policies.map { ("policy", $0) }
      show(
        rows(health, store) + others + rules + machine.rows + [("hub", "\(hub) \(text(reachability))")], findings)
    }
    if !isHealthy { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }

  /// The policies that hold; one that cannot be read forbids everything, which is an error.
  private func policies() -> ([String], [Finding]) {
    do {
      return (try Policies.load(environment: Environment.all).all.map(\.path), [])
    } catch let problem as PolicyProblem {
      return ([], [Finding(.error, code: problem.code, place: "policy", message: problem.description)])
    } catch {
      return ([], [Finding(.error, code: "policy.unreadable", place: "policy", message: "\(error)")])
    }
  }

  private func finding(_ code: String, _ place: String, _ message: String) -> Finding {
    Finding(.warning, code: code, place: place, message: message)
  }

  /// The hub's address, and what it says; nil when it is not asked.
  private func ask() async throws -> (String, Reachability?) {
    let settings = try HubSettings(environment: Environment.all, endpoint: endpoint)
    let hub = "\(settings.endpoint)"
    guard !offline, settings.offlineBecause == nil else { return (hub, nil) }
    let seconds = timeout
    let answer = try await interruptible { try await HubClient(settings).reachability(seconds: seconds) }
    return (hub, answer)
  }

  private func text(_ reachability: Reachability?) -> String {
    switch reachability {
    case nil: "was not asked"
    case .answers(let milliseconds): "answers in \(milliseconds) ms"
    case .refusesToken: "answers and refuses the token"
    case .silent: "does not answer"
    }
  }

  private func json(_ hub: String, _ reachability: Reachability?) -> JSONValue {
    var object: JSONObject = ["endpoint": .string(hub), "asked": .bool(reachability != nil)]
    switch reachability {
    case .answers(let milliseconds):
      object["reachable"] = true
      object["milliseconds"] = .integer(Int64(milliseconds))
    case .refusesToken: object["reachable"] = true
    case .silent(let why):
      object["reachable"] = false
      object["why"] = .string(why)
    case nil: object["reachable"] = .null
    }
    return .object(object)
  }

  private func json(_ health: StoreHealth, _ store: ModelStore) -> JSONValue {
    [
      "path": .string(store.layout.root), "exists": .bool(health.exists), "writable": .bool(health.isWritable),
      "models": .integer(Int64(health.modelCount)), "size_bytes": .integer(Int64(health.usage.byteCount)),
      "reclaimable_bytes": .integer(Int64(health.usage.reclaimableByteCount)),
      "free_bytes": health.freeByteCount.map { .integer(Int64($0)) } ?? .null,
    ]
  }

  private func rows(_ health: StoreHealth, _ store: ModelStore) -> [(String, String)] {
    let room = health.freeByteCount.map { "\(Quantity.bytes($0)) free" } ?? "unknown"
    let rights = health.isWritable ? "" : ", read-only"
    guard health.exists else { return [("store", "none yet at \(store.layout.root)\(rights)"), ("disk", room)] }
    let size = Quantity.bytes(health.usage.byteCount)
    let reclaimable = Quantity.bytes(health.usage.reclaimableByteCount)
    return [
      ("store", "\(store.layout.root): \(health.modelCount) models, \(size)\(rights)"),
      ("disk", "\(room), gc can free \(reclaimable)"),
    ]
  }

  private func show(_ rows: [(String, String)], _ findings: [Finding]) {
    let width = rows.map(\.0.count).max() ?? 0
    let style = Style(for: .standard)
    for (name, value) in rows {
      let blanks = String(repeating: " ", count: width - name.count)
      Output.standard.line("\(style.bold(name))\(blanks)  \(value.harmless)")
    }
    for finding in findings {
      let severity = finding.severity.rawValue
      let shown = finding.severity == .error ? style.red(severity) : style.yellow(severity)
      Output.standard.line("\(shown): \(finding.place.harmless): \(finding.message.harmless)")
    }
    if findings.isEmpty { Output.standard.line("nothing is wrong") }
  }
}
