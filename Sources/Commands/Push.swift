// SPDX-License-Identifier: Apache-2.0
// `impetus push`: a model of the store to an OCI registry.

import ArgumentParser
import Basics
import Hub
import Library
import Registry
import Store

struct Push: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Send a model to an OCI registry.",
    discussion: """
      Sends what the registry has not, then gives it the tag; without a tag the variant is one. Interrupted, the same
      command goes on where it stopped. Credentials are those of docker login, podman login or skopeo login, or come from
      IMPETUS_REGISTRY_USER and IMPETUS_REGISTRY_PASSWORD; never from the command line.

      Examples:
        impetus push SmolLM2-135M-Instruct:q4 oci://registry.example.org/models/smollm2:q4
        impetus push my-model oci://localhost:5000/me/my-model
        impetus push my-model:q8 oci://ghcr.io/me/my-model:q8 --mount me/other-model
      """)

  @Argument(help: "The model's name.", completion: ModelCompletion.kind)
  var model: String

  @Argument(help: "Where to: oci://HOST[:PORT]/NAME[:TAG].")
  var address: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Repository of the same registry that may have contents already; may be given several times.",
      valueName: "repository"))
  var mount: [String] = []

  @Option(name: .long, help: "Files sent at a time.")
  var connections = 4

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...32).contains(connections) else { throw ValidationError("--connections takes 1 to 32") }
    if let wrong = mount.first(where: { !RegistryAddress.isRepository($0) }) {
      throw ValidationError("--mount: \"\(wrong)\" is not the name of a repository")
    }
  }

  func run() async throws {
    let (store, stored) = try storeOptions.library().find(model)
    let address = try RegistryAddress(address)
    let settings = try registry.settings(address)
    let bar = ProgressLine("pushing \(stored.reference)", mode: progress.progress)
    let (sources, connections) = (mount, connections)
    note("\(stored.reference), \(Quantity.bytes(stored.byteCount)), to \(address)")
    let outcome = try await interruptible {
      defer { bar.finish() }
      let client = try RegistryClient(address, settings, pushes: true, sources: sources) { Pull.tell($0, bar) }
      let pushing = RegistryPushing(client: client, store: store, connections: connections)
      return try await pushing.run(stored, mountingFrom: sources) { bar.update(done: $0, total: $1) }
    }
    let here = outcome.blobs[.present, default: 0] + outcome.blobs[.mounted, default: 0]
    note(
      "\(outcome.address) is \(outcome.digest.short): sent \(Quantity.bytes(outcome.uploadedByteCount)), \(here) contents were there"
    )
    if output.json {
      Output.standard.json([
        "address": .string(outcome.address.description), "digest": .string(outcome.digest.description),
        "model": .string(stored.reference.description), "uploaded_bytes": .integer(Int64(outcome.uploadedByteCount)),
        "uploaded": .integer(Int64(outcome.blobs[.uploaded, default: 0])),
        "mounted": .integer(Int64(outcome.blobs[.mounted, default: 0])),
        "present": .integer(Int64(outcome.blobs[.present, default: 0])),
      ])
    }
  }
}
