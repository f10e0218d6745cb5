// SPDX-License-Identifier: Apache-2.0
// `impetus outdated` and `update`: what the hub has meanwhile, seen before it is taken.

import ArgumentParser
import Basics
import Glibc
import Hub
import Library
import Store

/// What the hub has of models of one's own store, or of all of it.
private func compared(
  _ models: [String], _ options: StoreOptions, _ settings: HubSettings
) async throws -> (library: ModelLibrary, checks: [UpdateCheck]) {
  let (library, chosen) = try options.own(models)
  let store = library.store
  let checks = try await interruptible {
    try await Updating(store: store, client: try HubClient(settings)).check(chosen)
  }
  return (library, checks)
}

struct Outdated: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say which models the hub has in a newer version.",
    discussion: """
      Asks for the branch that a model was pulled from and compares file by file: a new commit that changes none of the
      model's files does not count. Models that were pulled at a commit stay there.

      Examples:
        impetus outdated
        impetus outdated org/model --json
      """)

  @Argument(help: "Names of models; all when left out.", completion: ModelCompletion.kind)
  var models: [String] = []

  @OptionGroup var hub: HubOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let (library, checks) = try await compared(models, storeOptions, try hub.settings())
    if output.json {
      Output.standard.json(.array(checks.map(json)))
      return
    }
    var table = Table([
      .init(heading: "name"), .init(heading: "state"), .init(heading: "here"), .init(heading: "newest"),
      .init(heading: "changed"),
    ])
    for check in checks {
      let state = check.isDerived && check.state == .outdated ? "made of an outdated one" : check.state.rawValue
      table.add([
        check.model.reference.description, state, check.commit?.short ?? "-", check.newest?.short ?? "-",
        check.changedPaths.joined(separator: ", "),
      ])
    }
    if checks.isEmpty { note("no models in \(library.store.layout.root)") }
    if !checks.isEmpty { Output.standard.line(table.text(style: Style(for: .standard))) }
  }

  private func json(_ check: UpdateCheck) -> JSONValue {
    [
      "name": .string(check.model.reference.description), "state": .string(check.state.rawValue),
      "derived": .bool(check.isDerived),
      "commit": check.commit.map { .string($0.description) } ?? .null,
      "newest": check.newest.map { .string($0.description) } ?? .null,
      "changed_files": .array(check.changedPaths.map { .string($0) }),
    ]
  }
}

struct Update: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring models to the hub's newest version.",
    discussion: """
      The version until now lies in the trash: `impetus restore NAME --force` brings it back. A new chat template, or code,
      changes what a model is told or does: such an update is asked about, or needs --yes. With --diff every difference is
      shown first, and without a terminal or --yes nothing is changed.

      Examples:
        impetus update
        impetus update org/model --diff
        impetus update --yes
      """)

  @Argument(help: "Names of models; all that are outdated when left out.", completion: ModelCompletion.kind)
  var models: [String] = []

  @Flag(name: .long, help: "Show what would change before it does.")
  var diff = false

  @Flag(name: .long, help: "Agree to all changes.")
  var yes = false

  @OptionGroup var hub: HubOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func run() async throws {
    let settings = try hub.settings()
    let policies = try Policies.load(environment: Environment.all)
    var results: [JSONValue] = []
    let (mode, all) = (progress.progress, models.isEmpty)
    let (library, checks) = try await compared(models, storeOptions, settings)
    let store = library.store
    for check in checks {
      let name = check.model.reference.description
      let bar = ProgressLine("updating \(name)", mode: mode)
      let updating = Updating(
        store: store, neighbours: library.neighbours, client: try HubClient(settings, notice: { Pull.tell($0, bar) }),
        policies: policies)
      guard let candidate = try await interruptible({ try await updating.candidate(check) }) else {
        if !all || check.state == .outdated { note("\(name): \(Self.reason(check))") }
        continue
      }
      let isAccepted = try accepts(candidate)
      if isAccepted {
        let updated = try await interruptible {
          defer { bar.finish() }
          return try await updating.run(candidate) { Pull.tell($0, bar) }
        }
        note("\(updated.reference.full) is at \(candidate.plan.resolved.commit.short) now")
      } else {
        note("\(name) was left as it is; --yes takes the new version")
      }
      var object: JSONObject = [
        "name": .string(name), "updated": .bool(isAccepted),
        "from": check.commit.map { .string($0.description) } ?? .null,
        "to": .string(candidate.plan.resolved.commit.description),
      ]
      if diff { object["changes"] = .object(candidate.comparison.json) }
      results.append(.object(object))
    }
    if output.json { Output.standard.json(.array(results)) }
    if results.isEmpty, !output.json { Output.standard.line("nothing to update") }
  }

  private static func reason(_ check: UpdateCheck) -> String {
    switch check.state {
    case .current: "it is what the hub has"
    case .pinned: "it was pulled at a commit, and stays there"
    case .local: "it came from no hub"
    case .gone: "the hub does not show its repository or branch"
    case .outdated: "what it was made of is outdated; update that, then make it again with --force"
    }
  }

  /// Shows what there is to be seen, and asks where that is needed and possible.
  private func accepts(_ candidate: Updating.Candidate) throws -> Bool {
    let (comparison, plan) = (candidate.comparison, candidate.plan)
    let name = candidate.model.reference.description
    note("\(name) → \(plan.resolved.commit.short): \(Quantity.bytes(plan.fetchByteCount)) to fetch")
    if diff, !output.json {
      Output.standard.line(ComparisonText(style: Style(for: .standard)).text(comparison))
      Output.standard.flush()
    }
    if yes { return true }
    guard diff || comparison.changesBehaviour else { return true }
    guard isatty(0) == 1, isatty(2) == 1 else {
      if diff { return false }
      throw CommandProblem.needsConsent(name: name)
    }
    if !diff { note("its chat template or code changes") }
    Output.error.write("take it? [y/N] ", now: true)
    return (readLine() ?? "").lowercased().hasPrefix("y")
  }
}
