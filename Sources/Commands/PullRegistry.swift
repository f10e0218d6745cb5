// SPDX-License-Identifier: Apache-2.0
// `impetus pull oci://…`: a model from an OCI registry into the store.

import ArgumentParser
import Basics
import Hub
import Library
import Registry
import Store

extension Pull {
  /// Options that mean nothing to a registry, by the name they were given.
  private var hubOnly: String? {
    if revision != "main" { return "--revision" }
    if !include.isEmpty { return "--include" }
    if !exclude.isEmpty { return "--exclude" }
    if all { return "--all" }
    if !hub.endpoint.isEmpty { return "--endpoint" }
    return hub.tokenStdin ? "--token-stdin" : nil
  }

  private static func dryRun(_ plan: RegistryPullPlan) -> JSONObject {
    [
      "name": .string(plan.reference.description), "address": .string("\(plan.address)"),
      "digest": .string("\(plan.digest)"), "file_count": JSONValue(plan.manifest.files.count),
      "size_bytes": JSONValue(plan.manifest.byteCount), "fetch_bytes": JSONValue(plan.fetchByteCount),
      "other_stores_bytes": JSONValue(plan.cached.reduce(0) { $0 + $1.file.byteCount }), "dry_run": true,
    ]
  }

  func runRegistry() async throws {
    if let hubOnly { throw ValidationError("\(hubOnly) is for models of the hub, not of registries") }
    let library = try storeOptions.library()
    let name = try name.map { try Importing.reference($0) }
    let address = try RegistryAddress(repository)
    if offline { throw HubProblem.offline(wanted: address.description, setting: "--offline") }
    let settings = try registry.settings(address, limitRate: limitRate, proxy: hub.proxy, authorityFile: hub.caFile)
    let bar = ProgressLine("pulling \(address)", mode: progress.progress)
    let policies = try Policies.load(environment: Environment.all)
    let (options, isDryRun, printsJSON) = (DownloadOptions(connections: connections), dryRun, output.json)
    let model = try await resumable { () -> StoredModel? in
      defer { bar.finish() }
      let client = try RegistryClient(address, settings) { Self.tell($0, bar) }
      let pulling = RegistryPulling(
        client: client, ingest: try Ingest(library.store), policies: policies, neighbours: library.neighbours)
      let plan = try await pulling.plan(as: name)
      note(
        "\(plan.address) is \(plan.digest.short): \(plan.manifest.files.count) files, \(Quantity.bytes(plan.manifest.byteCount))"
      )
      if !plan.missing.isEmpty { note("  to fetch: \(Quantity.bytes(plan.fetchByteCount))") }
      if isDryRun {
        if printsJSON { Output.standard.json(.object(Self.dryRun(plan))) }
        return nil
      }
      return try await pulling.run(plan, options: options, replaces: true) { Self.tell($0, bar) }
    }
    guard let model else { return }
    note("\(model.reference) is here: \(Quantity.bytes(model.byteCount)), verified")
    output.show(model)
  }
}
