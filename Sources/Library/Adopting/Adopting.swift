// SPDX-License-Identifier: Apache-2.0
// Models that other programs have on this machine become models of the store without being fetched, and where the file
// system can, without taking room: the store and the other program then share the files.

public import Basics
internal import Hub
public import Store

/// The use case of `impetus adopt`, without a terminal.
public struct Adopting: Sendable {
  /// What is wanted.
  public struct Request: Sendable {
    /// Programs to look at.
    public var keepers: [ModelKeeper]
    /// Folders to look through, for `.folders`.
    public var folders: [String]
    /// Converts GGUF files.
    public var converts: Bool
    /// Copies files instead of sharing them.
    public var copies: Bool
    /// Replaces models of the same name and other content.
    public var replaces: Bool

    public init(
      keepers: [ModelKeeper] = ModelKeeper.allCases, folders: [String] = [], converts: Bool = false,
      copies: Bool = false, replaces: Bool = false
    ) {
      self.keepers = keepers
      self.folders = folders
      self.converts = converts
      self.copies = copies
      self.replaces = replaces
    }
  }

  /// What can be done with a model, or was.
  public enum Action: Sendable, Equatable {
    /// Its files become the store's.
    case adopt
    /// It is converted from GGUF, which takes room of its own.
    case convert
    /// The store has it already.
    case present
    /// It is left where it is, and why.
    case leave(String)
    /// It was to be taken, and why it was not.
    case fail(String, ExitStatus)
  }

  /// A model and what becomes of it.
  public struct Entry: Sendable {
    public let found: FoundModel
    public var action: Action
    /// Bytes that need no room of their own: shared with the other program, or in the store already.
    public var savedByteCount: Int
    /// Bytes that have to be written.
    public var writtenByteCount: Int
    /// The model it became.
    public var model: StoredModel?
  }

  private let store: ModelStore
  private let request: Request
  private let environment: [String: String]
  private let threads: Int
  private let policies: Policies

  /// - Parameter policies: what may be taken.
  public init(
    store: ModelStore, request: Request, environment: [String: String], threads: Int, policies: Policies = Policies([])
  ) {
    self.policies = policies
    self.store = store
    self.request = request
    self.environment = environment
    self.threads = threads
  }

  // MARK: Looking

  /// Finds models and says what would become of them. Reads no weights.
  public func plan() -> [Entry] {
    let places = KeeperPlaces(environment: environment, currentFolder: Files.currentFolder)
    var names: Set<Reference> = []
    let keepers = request.keepers + (request.folders.isEmpty || request.keepers.contains(.folders) ? [] : [.folders])
    return keepers.flatMap { places.models(of: $0, folders: request.folders) }.map { found in
      var entry = entry(found)
      // Of two models of one name the first is taken.
      if entry.action == .adopt || entry.action == .convert, let reference = found.reference,
        !names.insert(reference).inserted
      {
        entry = Entry(
          found: found, action: .leave("another one has the name \(reference)"), savedByteCount: 0, writtenByteCount: 0)
      }
      return entry
    }
  }

  private func entry(_ found: FoundModel) -> Entry {
    func leave(_ reason: String) -> Entry {
      Entry(found: found, action: .leave(reason), savedByteCount: 0, writtenByteCount: 0)
    }
    guard let reference = found.reference else { return leave("nothing can be made of its name") }
    if let reason = forbidden(found, reference) { return leave(reason) }
    let isTaken = !request.replaces && (try? store.load(reference)) != nil
    let inUse = "the name \(reference) means another model here; --force replaces it"
    switch found.form {
    case .unusable(let reason): return leave(reason)
    case .gguf(let file):
      if isPresent([file], as: reference) {
        return Entry(found: found, action: .present, savedByteCount: 0, writtenByteCount: 0)
      }
      if isTaken { return leave(inUse) }
      guard request.converts else { return leave("GGUF: its weights have to be converted; --convert does so") }
      return Entry(found: found, action: .convert, savedByteCount: 0, writtenByteCount: file.byteCount)
    case .snapshot(let files):
      if isPresent(files, as: reference) {
        return Entry(found: found, action: .present, savedByteCount: found.byteCount, writtenByteCount: 0)
      }
      if isTaken { return leave(inUse) }
      let saved = files.reduce(0) { $0 + (needsNoRoom($1) ? $1.byteCount : 0) }
      return Entry(
        found: found, action: .adopt, savedByteCount: saved, writtenByteCount: found.byteCount - saved)
    }
  }

  /// Why a policy forbids a model; nil when none does.
  private func forbidden(_ found: FoundModel, _ reference: Reference) -> String? {
    let paths: [String] =
      switch found.form {
      case .snapshot(let files): files.map(\.path)
      case .gguf(let file): [file.path]
      case .unusable: []
      }
    let origin = HubOrigin(ModelDescription(origin: found.origin))
    do {
      try policies.check(
        PolicySubject(
          name: reference.description, organization: origin?.repository.owner, licenses: found.origin.licenses,
          paths: paths, server: origin?.endpoint))
      return nil
    } catch {
      return [error.what, error.why ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
    }
  }

  private func needsNoRoom(_ file: FoundFile) -> Bool {
    if kept(file) != nil { return true }
    guard !request.copies else { return false }
    // Before the store exists, what is above its folder tells the file system.
    var folder = store.layout.root
    while !Files.isFolder(folder), Files.parent(of: folder) != folder { folder = Files.parent(of: folder) }
    return Sharing.isLikely(file.source, in: folder)
  }

  /// The digest of a file that the store has; nil when it has not, or when nothing tells its hash.
  private func kept(_ file: FoundFile) -> Digest? {
    let digest: Digest? =
      switch file.expected {
      case nil: nil
      case .sha256(let digest): digest
      case .gitBlob(let id): store.digest(gitID: id)
      }
    guard let digest, store.holds(digest, byteCount: file.byteCount) else { return nil }
    return digest
  }

  /// Whether the model of this name is made of these files.
  private func isPresent(_ files: [FoundFile], as reference: Reference) -> Bool {
    guard let model = try? store.load(reference) else { return false }
    if let provenance = (try? store.description(model))?.provenance {
      return files.count == 1
        && files.allSatisfy { file in provenance.inputs.contains { .sha256($0.digest) == file.expected } }
    }
    let have = Dictionary(model.manifest.files.map { ($0.path, $0) }) { first, _ in first }
    return files.count == have.count
      && files.allSatisfy { file in
        guard let mine = have[file.path], mine.byteCount == file.byteCount else { return false }
        if file.expected != nil { return kept(file) == mine.digest }
        // Where nothing tells the hash: the same file by two names, or one that is quickly read.
        return Files.isSame(file.source, store.path(of: mine.digest))
          || (file.byteCount < Sharing.leastLinkedByteCount && (try? Digest.ofFile(file.source)) == mine.digest)
      }
  }

  // MARK: Taking

  /// Takes what the plan says. Blocks its thread until done; a model that fails does not keep the others.
  /// - Parameter events: as an import's: what is under way, and its bytes.
  /// - Throws: `CancellationError`, or what opening the store throws.
  public func run(
    _ plan: [Entry], events: @escaping @Sendable (Importing.Event) -> Void, isCancelled: @escaping @Sendable () -> Bool
  ) throws -> [Entry] {
    try plan.map { entry in
      guard entry.action == .adopt || entry.action == .convert, let reference = entry.found.reference else {
        return entry
      }
      var entry = entry
      do {
        switch entry.found.form {
        case .snapshot(let files): try adopt(files, as: reference, &entry, events, isCancelled)
        case .gguf(let file): try convert(file, as: reference, &entry, events, isCancelled)
        case .unusable: break
        }
      } catch let problem as any Problem {
        (entry.savedByteCount, entry.writtenByteCount) = (0, 0)
        entry.action = .fail(
          [problem.what, problem.why ?? ""].filter { !$0.isEmpty }.joined(separator: ": "), problem.status)
      }
      return entry
    }
  }

  private func adopt(
    _ files: [FoundFile], as reference: Reference, _ entry: inout Entry,
    _ events: @escaping @Sendable (Importing.Event) -> Void, _ isCancelled: @escaping @Sendable () -> Bool
  ) throws {
    let ingest = try Ingest(store)
    events(.stage("adopting \(reference)", byteCount: entry.found.byteCount))
    var (done, saved, written) = (0, 0, 0)
    let taken = try files.map { file in
      if let digest = kept(file) {
        saved += file.byteCount
        return try ModelFile(path: file.path, digest: digest, byteCount: file.byteCount)
      }
      let content = try ingest.take(file.source, expecting: file.expected, allowsLinks: !request.copies) { count in
        if isCancelled() { throw CancellationError() }
        done += count
        events(.progress(done: done))
      }
      guard let content else {
        throw StoreProblem.damagedBlob(
          place: file.path, why: "its bytes are not those that its name in \(entry.found.keeper.rawValue) promises")
      }
      if content.sharing == .copy { written += content.byteCount } else { saved += content.byteCount }
      return try ModelFile(path: file.path, digest: content.digest, byteCount: content.byteCount)
    }
    let (description, _) = try StoreDestination.describe(
      taken, ingest: ingest, origin: entry.found.origin, provenance: nil)
    entry.model = try ingest.publish(taken, as: reference, description: description, replaces: request.replaces)
    (entry.savedByteCount, entry.writtenByteCount) = (saved, written)
  }

  private func convert(
    _ file: FoundFile, as reference: Reference, _ entry: inout Entry,
    _ events: @escaping @Sendable (Importing.Event) -> Void, _ isCancelled: @escaping @Sendable () -> Bool
  ) throws {
    let importing = Importing(store: store, threads: threads, events: events, isCancelled: isCancelled)
    var expected: Digest?
    if case .sha256(let digest) = file.expected { expected = digest }
    let outcome = try importing.run(
      Importing.Request(path: file.source, name: reference.full, expected: expected, replaces: request.replaces))
    entry.model = outcome.model
    entry.writtenByteCount = outcome.model.byteCount
  }
}
