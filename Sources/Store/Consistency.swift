// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a store although each content is what its name says: references, manifests and configs that do
// not agree with each other, and contents that no model needs.

public import Basics

extension ModelStore {
  /// What does not fit together of a model whose manifest can be read.
  public func inconsistencies(of model: StoredModel) -> [Finding] {
    let place = model.reference.full
    var findings: [Finding] = []
    func add(_ severity: Finding.Severity, _ code: String, _ message: String) {
      findings.append(Finding(severity, code: code, place: place, message: message))
    }
    if let bytes = try? Files.read(referencePath(model.reference), limit: 1 << 20),
      let json = try? JSONReader.parse(bytes)
    {
      if let name = json["name"]?.stringValue, name != place {
        add(.error, "reference.name", "its reference file is that of \(name.prefix(120))")
      }
      if let size = json["manifest"]?["size"]?.intValue, size != model.manifestByteCount {
        add(.error, "reference.size", "its reference says \(size) bytes of manifest, it has \(model.manifestByteCount)")
      }
    }
    do {
      let bytes = try read(model.manifest.config, place: place, limit: 64 << 20)
      _ = try ModelDescription(bytes: bytes, place: place)
      let listed = (try? JSONReader.parse(bytes))?["modelfs"]?["diffIds"]?.arrayValue?.compactMap(\.stringValue)
      let layers = model.manifest.files.map(\.digest.description)
      // Raw layers are not compressed: the digest of what they hold is their own.
      if let listed, listed.sorted() != layers.sorted() {
        add(.error, "manifest.config", "its config lists other contents than its manifest")
      }
    } catch let problem as any Problem {
      add(.error, problem.code, problem.description)
    } catch {
      add(.error, "manifest.config", "\(error)")
    }
    return findings
  }

  /// Contents that no model needs, to be checked like the others: a later pull would take them as they are.
  /// - Parameter checks: those of the models.
  public func strayChecks(besides checks: [Check]) throws -> (checks: [Check], findings: [Finding]) {
    guard exists else { return ([], []) }
    let needed = Set(checks.map(\.descriptor.digest))
    var stray: [Check] = []
    var findings: [Finding] = []
    for name in try Files.list(layout.blobs) {
      let path = "\(layout.blobs)/\(name)"
      guard let digest = Digest(hex: name), Files.kind(path) == .file else {
        findings.append(
          Finding(.warning, code: "blob.foreign", place: "blobs/sha256/\(name)", message: "it is no content of a store")
        )
        continue
      }
      guard !needed.contains(digest), let facts = Files.facts(path) else { continue }
      stray.append(
        Check(
          descriptor: Descriptor(mediaType: MediaType.weight, digest: digest, byteCount: facts.byteCount),
          place: "blobs/sha256/\(name), which no model needs", models: []))
    }
    return (stray, findings)
  }

  /// Whether index.json and the folders of links are what the references say; they may be when they cannot be written.
  public func staleDerived() throws -> [Finding] {
    guard exists else { return [] }
    let models = try survey().models
    var findings: [Finding] = []
    if (try? Files.read(layout.index, limit: 64 << 20)) != indexBytes(models) {
      findings.append(
        Finding(
          .warning, code: "index.stale", place: "index.json", message: "it does not name the models that are here"))
    }
    for model in models where !isSnapshotComplete(model) {
      findings.append(
        Finding(
          .warning, code: "snapshot.stale", place: model.reference.full, message: "its folder of links is not complete")
      )
    }
    return findings
  }

  /// A model by its manifest, whatever names it has.
  /// - Returns: nil when the manifest or one of its contents is not here.
  public func model(manifest digest: Digest, as reference: Reference) -> StoredModel? {
    guard let byteCount = try? Files.byteCount(layout.blob(digest)), byteCount <= Self.manifestLimit,
      let bytes = try? read(
        Descriptor(mediaType: MediaType.manifest, digest: digest, byteCount: byteCount), place: reference.full,
        limit: Self.manifestLimit),
      let manifest = try? Manifest(bytes: bytes, place: reference.full),
      manifest.blobs.allSatisfy({ holds($0.digest, byteCount: $0.byteCount) })
    else { return nil }
    return StoredModel(
      reference: reference, digest: digest, manifestByteCount: byteCount, manifest: manifest, created: 0)
  }
}
