// SPDX-License-Identifier: Apache-2.0
// What `push` and `pull oci://…` share: how the registry is reached, and what is said on the way.

import ArgumentParser
import Basics
import Hub
import Registry

/// Options for registries.
struct RegistryOptions: ParsableArguments {
  @Flag(name: .long, help: "Ask registries on other machines by plain http too, without encryption.")
  var plainHttp = false

  /// Settings for a registry, with the credentials that the environment has for it.
  func settings(
    _ address: RegistryAddress, limitRate: Int? = nil, proxy: String? = nil, authorityFile: String? = nil
  ) throws -> RegistrySettings {
    var network = NetworkSettings(environment: Environment.all)
    if let proxy { network.use(proxy: proxy) }
    if let authorityFile { (network.authorityFile, network.authorityFolder) = (authorityFile, nil) }
    network.bytesPerSecond = limitRate
    for file in [network.authorityFile, network.authorityFolder] {
      if let file, Files.kind(file) == nil {
        throw HubProblem.invalidSetting(name: "the certificate path \(file)", why: "there is no such file or folder")
      }
    }
    var settings = RegistrySettings(
      network: network, credentials: try CredentialSearch.find(address, environment: Environment.all))
    settings.isPlain = plainHttp
    return settings
  }
}
