// SPDX-License-Identifier: Apache-2.0
// How the hub is reached: options that every command which asks it has in common.

import ArgumentParser
import Basics
import Hub

/// Address, proxy, trust and token of the hub.
struct HubOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The hub's address; else HF_ENDPOINT. Further ones are mirrors that step in when one fails.", valueName: "url"))
  var endpoint: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Proxy for all addresses, such as http://host:3128 or socks5h://host; else HTTPS_PROXY and so on.",
      valueName: "url"))
  var proxy: String?

  @Option(
    name: .long,
    help: ArgumentHelp("PEM file of the authorities to trust; else SSL_CERT_FILE.", valueName: "file"),
    completion: .file())
  var caFile: String?

  @Flag(name: .long, help: "Read the hub's token from the first line of stdin.")
  var tokenStdin = false

  /// Settings from the environment and these options.
  func settings() throws -> HubSettings {
    let token = tokenStdin ? try Token(readLine() ?? "", source: "stdin") : nil
    var settings = try HubSettings(environment: Environment.all, endpoint: endpoint.first, token: token)
    settings.mirrors = try endpoint.dropFirst().map { try HubSettings.address($0, name: "the endpoint") }
    if let proxy { settings.network.use(proxy: proxy) }
    if let caFile {
      settings.network.authorityFile = caFile
      settings.network.authorityFolder = nil
    }
    return settings
  }
}
