// SPDX-License-Identifier: Apache-2.0
// `impetus plan`: what a pull would fetch, and whether the model would run here.

import ArgumentParser
import Basics
import Hub
import Library
import Store

struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Say what a pull would fetch, and whether the model will run here.",
    discussion: """
      Reads the listing, the configuration, the heads of the weights and the tokenizer from the hub, a few megabytes, and tells
      what is not supported, parameters, disk, and the memory of weights and conversation as published and for each number of bits. Ends with
      code 8 when the architecture is not supported, and 6 when no form of the model fits into this machine.

      Examples:
        impetus plan Qwen/Qwen2.5-0.5B-Instruct
        impetus plan org/model --context 32768 --json
      """)

  @Argument(help: "The repository: ORG/NAME of the hub.")
  var repository: String

  @Option(name: .long, help: "Branch, tag or commit.")
  var revision = "main"

  @Option(name: .long, help: "Tokens of a conversation that memory is counted for; 4096 when left out.")
  var context: Int?

  @OptionGroup var hub: HubOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    if let context, !(1...1 << 24).contains(context) { throw ValidationError("--context takes 1 to 16777216") }
  }

  func run() async throws {
    let remote = try RemoteModel(repository, revision: revision, hub: hub, store: try storeOptions.library().store)
    let (plan, estimate) = try await remote.look(context: context)
    if output.json {
      Output.standard.json(.object(EstimateText.json(plan, estimate)))
    } else {
      Output.standard.line(EstimateText.text(plan, estimate, style: Style(for: .standard)))
    }
    if let problem = estimate.certainFailure(plan.resolved.repository) { throw ExitCode(problem.status.rawValue) }
  }
}

/// A model of the hub, looked at without pulling it.
struct RemoteModel {
  private let repository: RepoID
  private let revision: Revision
  private let settings: HubSettings
  private let store: ModelStore

  init(_ repository: String, revision: String, hub: HubOptions, store: ModelStore) throws {
    self.repository = try RepoID(repository)
    self.revision = try Revision(revision)
    settings = try hub.settings()
    self.store = store
  }

  /// What a pull would take, and what it would be.
  func look(context: Int?) async throws -> (PullPlan, Estimate) {
    let (settings, store, repository, revision) = (settings, store, repository, revision)
    return try await interruptible {
      let client = try HubClient(settings)
      let policies = try Policies.load(environment: Environment.all)
      let planning = Planning(client: client, source: StoreView(store: store), policies: policies)
      let plan = try await planning.plan(repository, revision: revision)
      let estimating = Estimating(client: client, scratchFolder: Environment.scratchFolder, readsTokenizer: true)
      return (plan, try await estimating.estimate(plan, context: context))
    }
  }
}
