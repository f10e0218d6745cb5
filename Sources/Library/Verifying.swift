// SPDX-License-Identifier: Apache-2.0
// Checks models of the store, offline: every byte against its digest, with all cores, and the weights' structure.

public import Basics
internal import Checkpoints
internal import Inference
internal import Models
internal import Quantization
public import Store
internal import Synchronization

/// The use case of `impetus verify`.
public struct Verifying: Sendable {
  /// What a check found.
  public struct Report: Sendable {
    /// Models that were looked at.
    public var models: [StoredModel] = []
    /// Contents that were read, and their bytes.
    public var blobCount = 0
    public var byteCount = 0
    /// What is wrong; notes do not count as damage.
    public var findings: [Finding] = []

    /// Whether nothing is damaged.
    public var isClean: Bool { !findings.contains { $0.severity == .error } }
  }

  private let store: ModelStore
  private let others: [ModelStore]

  /// - Parameter others: stores in which bases of derived models may lie too.
  public init(store: ModelStore, others: [ModelStore] = []) {
    self.store = store
    self.others = others
  }

  /// Checks one model, or all. Blocks its thread until done.
  /// - Parameters:
  ///   - models: which; all when nil, and then references that cannot be read are found too.
  ///   - progress: bytes done and in all, from any thread.
  public func run(
    _ models: [StoredModel]?, threads: Int, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> Report {
    var report = Report()
    if models == nil { report.findings += try store.damagedReferences() }
    report.models = try models ?? store.models()
    var checks = store.checks(report.models)
    if models == nil {
      let stray = try store.strayChecks(besides: checks)
      checks += stray.checks
      report.findings += stray.findings
    }
    let damaged = try damage(of: checks, threads: threads, progress: progress, isCancelled: isCancelled)
    report.blobCount = checks.count
    report.byteCount = checks.reduce(0) { $0 + $1.descriptor.byteCount }
    report.findings += damaged.map(\.finding).sorted { $0.place < $1.place }
    // What follows from the references is repaired rather than reported: nothing of it can be lost.
    if report.isClean { try? store.repairDerived() }
    for model in report.models where !report.findings.contains(where: { $0.place.hasPrefix(model.reference.full) }) {
      report.findings += store.inconsistencies(of: model) + structure(model)
      report.findings += VerifyingProvenance(store: store, others: others).findings(of: model) + packed(model)
    }
    if models == nil { report.findings += try store.staleDerived() }
    return report
  }

  /// Packed weights follow from the model: damaged ones are removed, and the next start packs again.
  private func packed(_ model: StoredModel) -> [Finding] {
    let path = PackCache(folder: store.layout.packed, source: model.digest).path
    guard Files.isFile(path), !PackCache.isWhole(path) else { return [] }
    let place = "\(model.reference.full) (\(path))"
    guard (try? Files.remove(path)) != nil else {
      return [
        Finding(
          .error, code: "packed.damaged", place: place, message: "its packed weights are damaged; remove the file")
      ]
    }
    return [
      Finding(
        .warning, code: "packed.damaged", place: place,
        message: "its packed weights were damaged and are removed; the next start packs again")
    ]
  }

  /// Reads contents with all threads, single stretches of large ones side by side.
  public func damage(
    of checks: [ModelStore.Check], threads: Int, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> [ModelStore.Damage] {
    let inspection = Inspection(store, checks)
    let total = inspection.byteCount
    let done = Atomic<Int>(0)
    try Workers.run(count: inspection.pieceCount, threads: threads) { piece in
      if isCancelled() { throw CancellationError() }
      inspection.run(piece) { progress(done.add($0, ordering: .relaxed).newValue, total) }
    }
    return inspection.damage()
  }

  /// What is wrong with a model whose bytes are right.
  private func structure(_ model: StoredModel) -> [Finding] {
    do {
      let folder = try store.snapshot(model)
      for file in model.manifest.files where file.path.hasSuffix(".safetensors") {
        _ = try SafetensorsFile("\(folder)/\(file.path)")
      }
      guard model.manifest.files.contains(where: { $0.path == "config.json" }) else {
        return [Finding(.note, code: "model.no-config", place: model.reference.full, message: "it has no config.json")]
      }
      _ = try Snapshot.open(folder)
      return []
    } catch let problem as any Problem {
      let severity: Finding.Severity = problem.status == .unsupported ? .note : .error
      return [Finding(severity, code: problem.code, place: model.reference.full, message: problem.description)]
    } catch {
      return [Finding(.error, code: "model.unreadable", place: model.reference.full, message: "\(error)")]
    }
  }
}
