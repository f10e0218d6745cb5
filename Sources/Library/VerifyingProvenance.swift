// SPDX-License-Identifier: Apache-2.0
// Models made of others, held against what their manifests record: inputs, base and recipe.

internal import Basics
internal import Models
internal import Store

/// Checks provenance, offline and without reading weights.
struct VerifyingProvenance {
  let store: ModelStore
  /// Stores in which bases may lie too.
  let others: [ModelStore]

  /// What does not fit of a model; notes say what is no longer here to compare with.
  func findings(of model: StoredModel) -> [Finding] {
    guard let provenance = try? store.description(model).provenance else { return [] }
    let place = model.reference.full
    var findings: [Finding] = []
    func add(_ severity: Finding.Severity, _ code: String, _ message: String) {
      findings.append(Finding(severity, code: code, place: place, message: message))
    }
    if provenance.inputs.isEmpty {
      add(.error, "provenance.inputs", "it is made of something, and no input is recorded")
    }
    if provenance.recipe.isEmpty {
      add(.error, "provenance.recipe", "it is made of something, and no recipe is recorded")
    }
    if let recorded = provenance.recipe["quantization"], !recorded.isNull {
      let folder = try? store.snapshot(model)
      let config = folder.flatMap { try? Snapshot.readConfig($0) }
      if let config, config["quantization"] != recorded {
        add(.error, "provenance.recipe", "its config.json has another quantization than its recipe")
      }
    }
    guard let base = provenance.base, let digest = provenance.baseManifest,
      let reference = try? Importing.reference(base)
    else { return findings }
    if let source = ([store] + others).lazy.compactMap({ $0.model(manifest: digest, as: reference) }).first {
      let files = Dictionary(source.manifest.files.map { ($0.path, $0.digest) }) { first, _ in first }
      for input in AdapterInputs.base(provenance.inputs) where files[input.path] != input.digest {
        add(
          .error, "provenance.input",
          "it records \(input.path) as \(input.digest.short)…, \(base) has \(files[input.path]?.short ?? "no such file")"
        )
      }
    } else {
      add(.note, "provenance.base-missing", "\(base), which it is made of, is no longer here in that version")
    }
    if let present = try? store.load(reference), present.digest != digest {
      add(.note, "provenance.base-changed", "\(base) is another version now than the one that it is made of")
    }
    return findings
  }
}
