// SPDX-License-Identifier: Apache-2.0
// The models of Ollama: manifests/HOST/NAMESPACE/NAME/TAG, in docker's form, whose layers are blobs/sha256-HEX.

internal import Basics
internal import Store

/// Looks for models in one of Ollama's folders.
struct OllamaModels {
  let root: String

  func models() -> [FoundModel] {
    var found: [FoundModel] = []
    func look(_ parts: [String]) {
      let folder = (["\(root)/manifests"] + parts).joined(separator: "/")
      for name in (try? Files.list(folder)) ?? [] {
        switch Files.kind("\(folder)/\(name)") {
        case .folder: if parts.count < 8 { look(parts + [name]) }
        case .file: if parts.count >= 2 { found.append(model(parts, tag: name, "\(folder)/\(name)")) }
        default: break
        }
      }
    }
    look([])
    return found
  }

  private func model(_ parts: [String], tag: String, _ path: String) -> FoundModel {
    // HOST/NAMESPACE/NAME; what Ollama's own registry calls `library` needs no namespace.
    let names = parts.dropFirst().filter { $0 != "library" }
    let name = names.last ?? parts[parts.count - 1]
    let organization = names.count > 1 ? names[names.startIndex] : nil
    let title = "\(names.joined(separator: "/")):\(tag)"
    let reference = Reference.adapted(organization: organization, name: name, variant: tag)
    let origin = Origin(source: "ollama:\(parts.first ?? "")/\(names.joined(separator: "/")):\(tag)")
    func unusable(_ reason: String) -> FoundModel {
      FoundModel(
        keeper: .ollama, title: title, place: path, reference: reference, origin: origin, form: .unusable(reason))
    }
    guard let bytes = try? Files.read(path, limit: 4 << 20),
      let json = try? JSONReader.parse(bytes, limits: .lastKeyWins),
      let all = json["layers"]?.arrayValue
    else { return unusable("its manifest cannot be read") }
    func layers(_ kind: String) -> [JSONValue] {
      all.filter { $0["mediaType"]?.stringValue == "application/vnd.ollama.image.\(kind)" }
    }
    if !layers("tensor").isEmpty { return unusable("its weights are in Ollama's own files, a tensor each") }
    let weights = layers("model")
    guard weights.count == 1, let digest = weights[0]["digest"]?.stringValue.flatMap({ Digest($0) }) else {
      return unusable(weights.isEmpty ? "it has no weights: it runs elsewhere" : "it has several files of weights")
    }
    if !layers("adapter").isEmpty { return unusable("it is a model with an adapter") }
    let blobs = ["\(root)/blobs/sha256-\(digest.hex)", "\(root)/blobs/sha256:\(digest.hex)"]
    guard let blob = blobs.first(where: { Files.isFile($0) }) else { return unusable("its file of weights is missing") }
    guard weights[0]["size"]?.intValue == (try? Files.byteCount(blob)) else {
      return unusable("its file of weights has another size than its manifest says")
    }
    guard Self.isGGUF(blob) else { return unusable("its weights are no GGUF file") }
    return GGUFFiles.model(
      .ollama, title: title, path: blob, expected: .sha256(digest), reference: reference, origin: origin)
  }

  private static func isGGUF(_ path: String) -> Bool {
    guard let file = try? OpenFile.reading(path) else { return false }
    var head = [UInt8](repeating: 0, count: 4)
    return (try? file.read(into: &head, at: 0)) == 4 && head == Array("GGUF".utf8)
  }
}
