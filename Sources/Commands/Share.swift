// SPDX-License-Identifier: Apache-2.0
// `impetus share`: the store for other machines of the network, as a hub and as a registry.

import ArgumentParser
import Basics
import Glibc
import Library
import Server
import Store

struct Share: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Share models with other machines, read-only.",
    discussion: """
      Speaks the hub's protocol and that of OCI registries, so that impetus pull, hf download, skopeo and others get models
      from here. Without --host every machine that reaches this one may read them; keys come from IMPETUS_API_KEY or a file,
      never from the command line. What the clients type is in docs/share.md.

      Examples:
        impetus share
        impetus share SmolLM2-135M-Instruct:q4 --host 192.168.1.5
        impetus share --api-key-file keys.txt --port 9000
      """)

  @Argument(help: "Models to share; all when none is named.", completion: ModelCompletion.kind)
  var models: [String] = []

  @Option(name: .long, help: "Address to listen on.")
  var host = "0.0.0.0"

  @Option(name: .long, help: "Port to listen on; 0 takes a free one.")
  var port = 8090

  @OptionGroup var service: ServiceOptions
  @OptionGroup var storeOptions: StoreOptions

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port takes 0 to 65535") }
  }

  func run() async throws {
    let logger = service.makeLogger()
    let store = try storeOptions.library().store
    guard store.exists else { throw StoreProblem.empty(path: store.layout.root) }
    var configuration = ShareConfiguration()
    configuration.host = host
    configuration.port = port
    configuration.apiKeys = try service.apiKeys()
    let named = try models.map { try store.resolve($0).reference }
    if !named.isEmpty { configuration.models = Set(named) }
    let count = try named.isEmpty ? store.models().count : Set(named).count
    let isOpen = configuration.apiKeys.isEmpty
    let address = address
    let sharing = Sharing(configuration, store: store, logger: logger) { port in
      note("sharing \(count) \(count == 1 ? "model" : "models") on http://\(address):\(port)")
      note("  impetus pull ORG/NAME --endpoint http://\(address):\(port)")
      note("  impetus pull oci://\(address):\(port)/org/name:variant --plain-http")
      if isOpen { note("  without a key: whoever reaches this address may read them") }
    }
    try await Interrupts.shared.handling(
      {
        note("ending; transfers under way have a few seconds. Once more ends at once.")
        Task { await sharing.shutDown() }
      }, hearsTermination: true
    ) { try await sharing.run() }
  }

  /// What other machines may call this one.
  private var address: String {
    guard ["0.0.0.0", "::"].contains(host) else { return host.contains(":") ? "[\(host)]" : host }
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
