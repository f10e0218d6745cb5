// SPDX-License-Identifier: Apache-2.0
// What a pull will do, known from the listing before the first byte of a file is asked for.

public import Basics
public import Hub

/// A pull that has been thought through.
public struct PullPlan: Sendable {
  /// The repository, by its present name, at a commit.
  public let resolved: HubClient.Resolved
  /// The branch or tag that was asked for.
  public let revision: Revision
  /// Files that belong to the pull, and those left out with the reason.
  public let selection: Selection.Outcome
  /// Contents that are here already.
  public let present: [ContentIdentity: Digest]
  /// Contents that other stores, or the hub's own cache, have on this machine; they are verified and taken from there.
  public let cached: [CachedContent]
  /// Contents to fetch, each once however many paths it has.
  public let missing: [RepoFile]
  /// Bytes of `missing` that an interrupted pull has left.
  public let resumableByteCount: Int
  /// Bytes that may still be written where the files will be.
  public let freeByteCount: Int
  /// Files that may still be made there; nil without such a limit.
  public let freeFileCount: Int?

  /// Bytes of all files of the pull.
  public var byteCount: Int { selection.byteCount }
  /// Bytes that have to come over the network.
  public var fetchByteCount: Int { max(0, missing.reduce(0) { $0 &+ $1.byteCount } - resumableByteCount) }
  /// Bytes that come from others on this machine.
  public var cachedByteCount: Int { cached.reduce(0) { $0 &+ $1.file.byteCount } }
  /// The same of one of them.
  public func byteCount(from keeper: CachedContent.Keeper) -> Int {
    cached.reduce(0) { $0 &+ ($1.keeper == keeper ? $1.file.byteCount : 0) }
  }
  /// Bytes that are not fetched because they are in the store.
  public var presentByteCount: Int { byteCount - fetchByteCount - cachedByteCount }
  /// Whether nothing has to be fetched.
  public var isComplete: Bool { missing.isEmpty }

  /// The licence as the hub's card names it, e.g. `apache-2.0`.
  public var license: String? {
    let tags = resolved.card["tags"]?.arrayValue?.compactMap(\.stringValue) ?? []
    let tag = tags.first { $0.hasPrefix("license:") }.map { String($0.dropFirst("license:".count)) }
    return resolved.card["cardData"]?["license"]?.stringValue ?? tag
  }

  /// The same for some of the files; the others count as taken care of.
  func only(_ isWanted: (RepoFile) -> Bool) -> PullPlan {
    PullPlan(
      resolved: resolved, revision: revision,
      selection: Selection.Outcome(taken: selection.taken.filter(isWanted), leftOut: selection.leftOut),
      present: present, cached: cached.filter { isWanted($0.file) }, missing: missing.filter(isWanted),
      resumableByteCount: 0, freeByteCount: freeByteCount, freeFileCount: freeFileCount)
  }

  /// Files that are made on the way: contents, parts with their journals or links to describe the model by, links of the
  /// snapshot, and what every model has beside them.
  var neededFileCount: Int {
    let (contents, paths) = (missing.count + cached.count, selection.taken.count)
    return contents + max(2 * min(missing.count, DownloadOptions.usualConnections), paths) + paths + 12
  }

  /// Whether access has to be asked for.
  public var isGated: Bool { Self.isGated(resolved) }

  /// The hub says `false`, or how access is given.
  static func isGated(_ resolved: HubClient.Resolved) -> Bool {
    let gated = resolved.card["gated"]
    return gated?.boolValue == true || gated?.stringValue != nil
  }

  /// Room to leave for manifests, journals and other programs.
  static let reserveByteCount = 64 << 20

  /// - Throws: `PullProblem` when the pull cannot succeed.
  func check(_ destination: any PullDestination) throws(PullProblem) {
    let name = resolved.repository.description
    guard !selection.taken.isEmpty else {
      let formats = Set(selection.leftOut.filter { $0.reason == .duplicateFormat }.map { $0.file.path.suffix })
      throw .nothingToTake(repository: name, formats: formats.sorted())
    }
    let copied = cached.reduce(0) { $0 &+ ($1.needsCopy ? $1.file.byteCount : 0) }
    let needed = fetchByteCount + copied + Self.reserveByteCount
    guard isComplete && copied == 0 || freeByteCount >= needed else {
      throw .noRoom(repository: name, needed: needed, free: freeByteCount, folder: destination.partsFolder)
    }
    if let freeFileCount, freeFileCount < neededFileCount {
      throw .tooFewFiles(
        repository: name, needed: neededFileCount, free: freeFileCount, folder: destination.partsFolder)
    }
  }
}

extension RepoPath {
  /// What follows the last dot of the name.
  var suffix: String { name.split(separator: ".").last.map(String.init) ?? name }
}

/// Why a pull is not begun.
public enum PullProblem: Problem, Equatable {
  /// No file was chosen; `formats` are those of weights that are there.
  case nothingToTake(repository: String, formats: [String])
  /// The disk has less room than the missing bytes need.
  case noRoom(repository: String, needed: Int, free: Int, folder: String)
  /// The file system takes fewer new files (inodes) than are needed.
  case tooFewFiles(repository: String, needed: Int, free: Int, folder: String)
  /// This program has no way to run it.
  case cannotRun(repository: String, why: String)
  /// Its weights are larger than the machine's memory, however they are quantized.
  case tooLarge(repository: String, needed: Int, installed: Int)

  public var code: String {
    switch self {
    case .nothingToTake: "pull.nothing-to-take"
    case .noRoom: "pull.no-room"
    case .tooFewFiles: "pull.no-inodes"
    case .cannotRun: "pull.cannot-run"
    case .tooLarge: "pull.too-large"
    }
  }

  public var what: String {
    switch self {
    case .nothingToTake(let repository, _): "\(repository) has no file to take"
    case .noRoom(let repository, _, _, _), .tooFewFiles(let repository, _, _, _): "no room for \(repository)"
    case .cannotRun(let repository, _): "\(repository) cannot be run by this program"
    case .tooLarge(let repository, _, _): "\(repository) does not fit into this machine's memory"
    }
  }

  public var why: String? {
    switch self {
    case .nothingToTake(_, let formats):
      formats.isEmpty
        ? "the patterns match none of its files"
        : "its weights are in other formats: \(formats.joined(separator: ", "))"
    case .noRoom(_, let needed, let free, let folder):
      "\(needed >> 20) MiB are needed and \(free >> 20) MiB are free in \(folder)"
    case .tooFewFiles(_, let needed, let free, let folder):
      "\(needed) files have to be made, and the file system of \(folder) has inodes for \(free)"
    case .cannotRun(_, let why): why
    case .tooLarge(_, let needed, let installed):
      "its smallest form needs \(needed >> 20) MiB, \(installed >> 20) MiB are installed"
    }
  }

  public var remedy: String? {
    switch self {
    case .nothingToTake: "name files with --include, or take everything with --all"
    case .tooFewFiles: "remove files that are not needed there, or choose another store with --store"
    case .noRoom: "free some disk space, or choose another store with --store"
    case .cannotRun, .tooLarge: "--force pulls it all the same"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .nothingToTake, .cannotRun: .unsupported
    case .noRoom, .tooFewFiles, .tooLarge: .doesNotFit
    }
  }
}
