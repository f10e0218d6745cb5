// SPDX-License-Identifier: Apache-2.0
// The cache that llama.cpp had before it took the hub's: ORG_REPO_FILE.gguf, and manifest=ORG=REPO=TAG.json with hashes.

internal import Basics
internal import Store

/// Looks for models in llama.cpp's own cache.
struct LlamaCppModels {
  let root: String

  func models() -> [FoundModel] {
    let names = (try? Files.list(root)) ?? []
    var known: [String: (digest: Digest, organization: String, name: String)] = [:]
    for name in names where name.hasPrefix("manifest=") && name.hasSuffix(".json") {
      let parts = name.dropLast(5).split(separator: "=").dropFirst().map(String.init)
      guard parts.count >= 2, let bytes = try? Files.read("\(root)/\(name)", limit: 16 << 20),
        let file = (try? JSONReader.parse(bytes, limits: .lastKeyWins))?["ggufFile"],
        let path = file["rfilename"]?.stringValue,
        let digest = (file["lfs"]?["sha256"] ?? file["lfs"]?["oid"])?.stringValue.flatMap({ Digest(hex: $0) })
      else { continue }
      known["\(parts[0])_\(parts[1])_\(path.replacing("/", with: "_"))"] = (digest, parts[0], parts[1])
    }
    return names.filter { $0.lowercased().hasSuffix(".gguf") }.map { name in
      let stem = String(name.dropLast(5))
      let entry = known[name]
      let reference = entry.flatMap { entry in
        Reference.adapted(
          organization: entry.organization, name: entry.name,
          variant: String(stem.dropFirst(entry.organization.count + entry.name.count + 2)))
      }
      return GGUFFiles.model(
        .llamaCpp, title: name, path: "\(root)/\(name)", expected: entry.map { .sha256($0.digest) },
        reference: reference ?? .adapted(name: stem), origin: Origin(source: name))
    }
  }
}
