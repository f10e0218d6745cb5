// SPDX-License-Identifier: Apache-2.0
// Models from files: a Hugging Face folder, a GGUF file, a safetensors file with its config beside it, or any of these
// in an archive (zip, wheel, tar), and what `export` made. GGUF is converted; everything else is taken as it is.

public import Basics
internal import Checkpoints
internal import Models
public import Store
public import Tensors

/// The use case of `impetus import`, without a terminal.
public struct Importing: Sendable {
  /// What is wanted.
  public struct Request: Sendable {
    /// The file or folder.
    public var path: String
    /// The new model's name; nil takes one from the file.
    public var name: String?
    /// Type of the weights made from a GGUF file.
    public var dtype: DType
    /// SHA-256 that the file, or the GGUF file in the archive, must have.
    public var expected: Digest?
    /// Replaces a model of the same name and other content.
    public var replaces: Bool

    public init(
      path: String, name: String? = nil, dtype: DType = .bf16, expected: Digest? = nil, replaces: Bool = false
    ) {
      self.path = path
      self.name = name
      self.dtype = dtype
      self.expected = expected
      self.replaces = replaces
    }
  }

  /// What happens, for the person who waits.
  public enum Event: Sendable {
    /// A part of the work begins; its bytes in all, 0 when not known.
    case stage(String, byteCount: Int)
    /// Bytes of it are done.
    case progress(done: Int)
  }

  /// What was imported.
  public struct Outcome: Sendable {
    /// The model; the first of an archive of several.
    public let model: StoredModel
    /// Further models of the same archive.
    public var others: [StoredModel] = []
    /// Why this program cannot run it, if it cannot.
    public let unsupported: (any Problem)?
  }

  private let store: ModelStore
  private let threads: Int
  private let policies: Policies
  private let accepts: @Sendable ([ModelFile]) throws -> Void
  private let events: @Sendable (Event) -> Void
  private let isCancelled: @Sendable () -> Bool

  /// - Parameters:
  ///   - threads: threads that compute.
  ///   - policies: what may be taken.
  ///   - accepts: told the files of what was converted before they get their name; throws to refuse them.
  ///   - events: told what happens, from any thread.
  ///   - isCancelled: asked often; true ends the work with `CancellationError`.
  public init(
    store: ModelStore, threads: Int, policies: Policies = Policies([]),
    accepts: @escaping @Sendable ([ModelFile]) throws -> Void = { _ in },
    events: @escaping @Sendable (Event) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.store = store
    self.threads = threads
    self.policies = policies
    self.accepts = accepts
    self.events = events
    self.isCancelled = isCancelled
  }

  /// Imports. Blocks its thread until done.
  /// - Throws: `ImportProblem`, or what the formats and the store throw; the store is then as it was.
  public func run(_ request: Request) throws -> Outcome {
    guard Files.kind(request.path) != nil else { throw FileProblem.notFound(path: request.path) }
    let reference = try request.name.map { try Self.reference($0) }
    let ingest = try Ingest(store)
    if Files.isFolder(request.path) {
      return try importFolder(request.path, request, reference, ingest)
    }
    if !Files.isFile(request.path) {
      // A pipe can be read once and in order: as an archive.
      guard request.expected == nil else { throw ImportProblem.nothingToCompare(path: request.path) }
      return try importArchive(request, reference, ingest)
    }
    switch try Self.kind(request.path) {
    case .gguf: return try importGGUF(request.path, request, reference, ingest)
    case .safetensors:
      try check(request.path, request)
      return try importWeights(request.path, request, reference, ingest)
    case .archive: return try importArchive(request, reference, ingest)
    }
  }

  /// A name that was given for a new model.
  public static func reference(_ text: String) throws -> Reference {
    let query = try ReferenceQuery(text)
    guard query.pin == nil else { throw StoreProblem.invalidName(text) }
    return try Reference(
      organization: query.organization, name: query.name, variant: query.variant ?? Reference.mainVariant)
  }

  // MARK: Kinds

  private enum Kind { case gguf, safetensors, archive }

  private static func kind(_ path: String) throws -> Kind {
    let file = try OpenFile.reading(path)
    var head = [UInt8](repeating: 0, count: 4)
    let count = try file.read(into: &head, at: 0)
    if count == 4, head == Array("GGUF".utf8) { return .gguf }
    if path.lowercased().hasSuffix(".safetensors") { return .safetensors }
    if path.lowercased().hasSuffix(".gguf") { return .gguf }
    return .archive
  }

  private func check(_ path: String, _ request: Request) throws {
    guard let expected = request.expected else { return }
    events(.stage("checking", byteCount: 0))
    let digest = try Digest.ofFile(path)
    guard digest == expected else {
      throw ImportProblem.otherDigest(path: path, expected: expected.hex, found: digest.hex)
    }
  }

  // MARK: Folders

  private func importFolder(
    _ folder: String, _ request: Request, _ reference: Reference?, _ ingest: Ingest
  ) throws -> Outcome {
    if Files.isFile("\(folder)/oci-layout"), Files.isFile("\(folder)/index.json") {
      return try importLayout(folder, request, reference, ingest)
    }
    guard Files.isFile("\(folder)/config.json") else {
      let files = try Files.list(folder).filter { $0.lowercased().hasSuffix(".gguf") }
      guard files.count == 1, let file = files.first else {
        throw ImportProblem.noModel(path: request.path, candidates: files)
      }
      return try importGGUF("\(folder)/\(file)", request, reference, ingest)
    }
    guard request.expected == nil else { throw ImportProblem.nothingToCompare(path: folder) }
    let name = try reference ?? Self.guess(Files.name(of: Self.trimmed(folder)))
    try allow(name, try Self.files(of: folder))
    if let outcome = try importForeign(folder, file: nil, request, name, ingest) { return outcome }
    return try take(try Self.files(of: folder), of: folder, request, name, ingest)
  }

  /// Names in a folder that belong to a model: no hidden files, no folders, weights only as safetensors.
  static func files(of folder: String) throws -> [String] {
    try Files.list(folder).filter { name in
      guard !name.hasPrefix("."), Files.isFile("\(folder)/\(name)") else { return false }
      let other = [
        ".bin", ".bin.index.json", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".npz", ".part", ".py",
      ]
      return !other.contains { name.hasSuffix($0) }
    }
  }

  private func importWeights(
    _ path: String, _ request: Request, _ reference: Reference?, _ ingest: Ingest
  ) throws -> Outcome {
    let folder = Files.parent(of: path)
    guard Files.isFile("\(folder)/config.json") else { throw ImportProblem.noConfig(path: path) }
    let own = Files.name(of: path)
    let files = try Self.files(of: folder).filter {
      $0 == own || !($0.hasSuffix(".safetensors") || $0.hasSuffix(".safetensors.index.json"))
    }
    let name = try reference ?? Self.guess(String(own.dropLast(".safetensors".count)))
    try allow(name, files)
    if let outcome = try importForeign(folder, file: path, request, name, ingest) { return outcome }
    // A shard of several is no model, and says so when it is described.
    return try take(files, of: folder, request, name, ingest)
  }

  private func take(
    _ names: [String], of folder: String, _ request: Request, _ reference: Reference, _ ingest: Ingest
  ) throws -> Outcome {
    let facts = try Describing.facts(folder: folder, origin: Origin(source: Files.name(of: Self.trimmed(request.path))))
    let total = try names.reduce(0) { $0 + (try Files.byteCount("\(folder)/\($1)")) }
    try checkRoom(total)
    events(.stage("copying", byteCount: total))
    var done = 0
    let files = try names.map { name in
      let descriptor = try ingest.copy("\(folder)/\(name)") { count in
        done += count
        try goOn(done)
      }
      return try ModelFile(path: name, digest: descriptor.digest, byteCount: descriptor.byteCount)
    }
    let model = try ingest.publish(files, as: reference, description: facts.description, replaces: request.replaces)
    return Outcome(model: model, unsupported: facts.unsupported)
  }

  // MARK: Other programs' quantization

  /// Converts what another program quantized; nil for a model that is taken as it is.
  private func importForeign(
    _ folder: String, file: String?, _ request: Request, _ reference: Reference, _ ingest: Ingest
  ) throws -> Outcome? {
    let found: ForeignConverting?
    do { found = try ForeignConverting(folder: folder, file: file) } catch let problem as any Problem
      where problem.status == .unsupported
    {
      // It is kept as it is, and its description says why it does not run.
      return nil
    }
    guard let converting = found else { return nil }
    try checkRoom(converting.weightByteCount)
    events(.stage("checking", byteCount: 0))
    let inputs = try Derivation.inputs(of: folder)
    let target = "\(ingest.folder)/converted"
    try Files.makeFolders(target)
    events(.stage("converting from \(converting.method)", byteCount: 0))
    let events = events
    let outcome = try converting.write(
      to: target, threads: threads, progress: { events(.progress(done: $0.done)) }, isCancelled: isCancelled)
    let provenance = Provenance(
      base: nil, baseManifest: nil, inputs: inputs, recipe: outcome.recipe, tool: "\(Program.name) \(Program.version)")
    return try adopt(
      outcome.files, from: target, as: reference, ingest,
      origin: Origin(source: Files.name(of: Self.trimmed(request.path))), provenance: provenance,
      replaces: request.replaces)
  }

  // MARK: GGUF

  private func importGGUF(
    _ path: String, _ request: Request, _ reference: Reference?, _ ingest: Ingest
  ) throws -> Outcome {
    let name = try reference ?? Self.guess(String(Files.name(of: path).split(separator: ".").first ?? "model"))
    try allow(name, [Files.name(of: path)])
    events(.stage("checking", byteCount: 0))
    let digest = try Digest.ofFile(path)
    if let expected = request.expected, expected != digest {
      throw ImportProblem.otherDigest(path: path, expected: expected.hex, found: digest.hex)
    }
    let converting = try GGUFConverting(path: path, dtype: request.dtype)
    try checkRoom(converting.weightByteCount)
    let folder = "\(ingest.folder)/converted"
    try Files.makeFolders(folder)
    events(.stage("converting", byteCount: try Files.byteCount(path)))
    let events = events
    let outcome = try converting.write(
      to: folder, threads: threads, progress: { events(.progress(done: $0.done)) }, isCancelled: isCancelled)
    let provenance = Provenance(
      base: nil, baseManifest: nil, inputs: [Provenance.Input(path: Files.name(of: path), digest: digest)],
      recipe: outcome.recipe, tool: "\(Program.name) \(Program.version)")
    return try adopt(
      outcome.files, from: folder, as: name, ingest, origin: Origin(source: Files.name(of: Self.trimmed(request.path))),
      provenance: provenance, replaces: request.replaces)
  }

  private func adopt(
    _ names: [String], from folder: String, as reference: Reference, _ ingest: Ingest, origin: Origin,
    provenance: Provenance, replaces: Bool
  ) throws -> Outcome {
    let facts = try Describing.facts(folder: folder, origin: origin, provenance: provenance)
    events(.stage("storing", byteCount: try names.reduce(0) { $0 + (try Files.byteCount("\(folder)/\($1)")) }))
    var done = 0
    let files = try names.map { name in
      let descriptor = try ingest.adopt("\(folder)/\(name)") { count in
        done += count
        try goOn(done)
      }
      return try ModelFile(path: name, digest: descriptor.digest, byteCount: descriptor.byteCount)
    }
    try accepts(files)
    let model = try ingest.publish(files, as: reference, description: facts.description, replaces: replaces)
    return Outcome(model: model, unsupported: facts.unsupported)
  }

  // MARK: Archives

  private func importArchive(_ request: Request, _ reference: Reference?, _ ingest: Ingest) throws -> Outcome {
    let folder = "\(ingest.folder)/archive"
    try Files.makeFolders(folder)
    let room = max(0, try Files.freeBytes(at: ingest.folder) - PullPlan.reserveByteCount)
    events(.stage("unpacking", byteCount: 0))
    var done = 0
    let paths = try Archive.extract(
      request.path, to: folder, limits: Archive.Limits(byteCount: room),
      isWanted: { path in !path.hasSuffix(".py") && !path.hasSuffix(".pyc") }
    ) { count in
      done += count
      try goOn(done)
    }
    let ggufs = paths.filter { $0.lowercased().hasSuffix(".gguf") }
    let folders = paths.filter { Files.name(of: $0) == "config.json" }.map { Files.parent(of: "\(folder)/\($0)") }
      .filter { inside in
        paths.contains { Files.parent(of: "\(folder)/\($0)") == inside && $0.hasSuffix(".safetensors") }
      }
    if paths.contains("oci-layout"), paths.contains("index.json") {
      try check(request.path, request)
      return try importLayout(folder, request, reference, ingest)
    }
    if let gguf = ggufs.first, ggufs.count == 1, folders.isEmpty {
      return try importGGUF("\(folder)/\(gguf)", request, reference, ingest)
    }
    guard ggufs.isEmpty, folders.count == 1, let found = folders.first else {
      throw ImportProblem.noModel(
        path: request.path, candidates: ggufs + folders.map { String($0.dropFirst(folder.count)) })
    }
    try check(request.path, request)
    let base = Files.name(of: request.path).split(separator: ".").first.map(String.init) ?? "model"
    let name = try reference ?? Self.guess(base)
    try allow(name, try Self.files(of: found))
    if let outcome = try importForeign(found, file: nil, request, name, ingest) { return outcome }
    return try take(try Self.files(of: found), of: found, request, name, ingest)
  }

  /// An export, unpacked.
  private func importLayout(
    _ folder: String, _ request: Request, _ reference: Reference?, _ ingest: Ingest
  ) throws -> Outcome {
    events(.stage("storing", byteCount: 0))
    var done = 0
    let models = try ingest.takeLayout(
      folder, as: reference, replaces: request.replaces,
      accepts: { model in
        // What another program described says less: then the manifest is all there is to judge by.
        let description = (try? store.description(model)) ?? ModelDescription(origin: Origin(source: nil))
        try policies.check(PolicySubject(model, description))
      },
      progress: { count in
        done += count
        try goOn(done)
      })
    guard let first = models.first else { throw ImportProblem.noModel(path: request.path, candidates: []) }
    let facts = try? Describing.facts(folder: try store.snapshot(first))
    return Outcome(model: first, others: Array(models.dropFirst()), unsupported: facts?.unsupported)
  }

  // MARK: Small things

  /// Asks the policies about files that come from no hub.
  private func allow(_ reference: Reference, _ paths: [String]) throws(PolicyProblem) {
    try policies.check(
      PolicySubject(name: reference.description, organization: nil, licenses: [], paths: paths, server: nil))
  }

  private func goOn(_ done: Int) throws {
    if isCancelled() { throw CancellationError() }
    events(.progress(done: done))
  }

  private func checkRoom(_ byteCount: Int) throws {
    let free = try Files.freeBytes(at: store.layout.root)
    guard free >= byteCount + PullPlan.reserveByteCount else {
      throw ImportProblem.noRoom(needed: byteCount + PullPlan.reserveByteCount, free: free, folder: store.layout.root)
    }
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// A name made of a file's.
  private static func guess(_ text: String) throws -> Reference {
    let plain = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" }
    var name = String(plain.drop { $0 == "-" || $0 == "." }.prefix(96))
    while name.hasSuffix(".") { name.removeLast() }
    guard !name.isEmpty else { throw ImportProblem.noName(text) }
    return try Reference(name: name)
  }
}
