// SPDX-License-Identifier: Apache-2.0
// Where each program keeps its models, by its own settings.

internal import Basics
internal import Hub

/// The folders of the programs of this machine.
struct KeeperPlaces {
  private let environment: [String: String]
  private let currentFolder: String

  init(environment: [String: String], currentFolder: String) {
    self.environment = environment
    self.currentFolder = currentFolder
  }

  private func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  private func below(_ home: String?, _ path: String) -> [String] { home.map { ["\($0)/\(path)"] } ?? [] }

  /// Everything that a program keeps, each folder once.
  func models(of keeper: ModelKeeper, folders: [String]) -> [FoundModel] {
    let home = value("HOME")
    switch keeper {
    case .huggingFace:
      guard let cache = HubCache(environment: environment) else { return [] }
      let endpoint = value("HF_ENDPOINT") ?? HubSettings.publicEndpoint
      return HubCacheModels(cache: cache, endpoint: endpoint).models()
    case .llamaCpp:
      let caches = value("XDG_CACHE_HOME").map { ["\($0)/llama.cpp"] } ?? below(home, ".cache/llama.cpp")
      return existing(value("LLAMA_CACHE").map { [$0] } ?? caches).flatMap { LlamaCppModels(root: $0).models() }
    case .ollama:
      let systemWide = ["/usr/share/ollama/.ollama/models", "/var/lib/ollama/models"]
      let places = value("OLLAMA_MODELS").map { [$0] } ?? below(home, ".ollama/models") + systemWide
      return existing(places).flatMap { OllamaModels(root: $0).models() }
    case .lmStudio:
      return existing(lmStudio(home)).flatMap { ModelFolder(keeper: .lmStudio, root: $0).models() }
    case .folders:
      let places =
        folders.isEmpty ? ["\(currentFolder)/mlx_model"] + below(home, "Documents/huggingface/models") : folders
      return existing(places).flatMap { ModelFolder(keeper: .folders, root: $0).models() }
    }
  }

  /// LM Studio's folder of downloads, which its settings may have moved.
  private func lmStudio(_ home: String?) -> [String] {
    guard let home else { return [] }
    var homes = ["\(home)/.lmstudio", "\(home)/.cache/lm-studio"]
    if let text = try? Files.read("\(home)/.lmstudio-home-pointer", limit: 4096) {
      homes.insert(String(String(decoding: text, as: UTF8.self).prefix { !$0.isNewline }), at: 0)
    }
    return homes.flatMap { folder -> [String] in
      let settings = (try? Files.read("\(folder)/settings.json", limit: 1 << 20)).flatMap { try? JSONReader.parse($0) }
      return (settings?["downloadsFolder"]?.stringValue).map { [$0] } ?? ["\(folder)/models"]
    }
  }

  /// The folders that are there, each once, whatever links lead to it.
  private func existing(_ places: [String]) -> [String] {
    var seen: Set<String> = []
    return places.compactMap { place in
      guard Files.isFolder(place), let real = Files.resolved(place), seen.insert(real).inserted else { return nil }
      return real
    }
  }
}
