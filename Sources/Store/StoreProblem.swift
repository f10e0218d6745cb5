// SPDX-License-Identifier: Apache-2.0
// What can be wrong with the store, or with what is asked of it.

public import Basics

/// A problem of the store.
public enum StoreProblem: Problem, Equatable {
  /// No folder is named by option, environment or home.
  case noHome
  /// The folder is no store.
  case notAStore(path: String, why: String)
  /// The store does not exist, and nothing has to be written to it.
  case empty(path: String)
  /// A text that cannot be a model's name.
  case invalidName(String)
  /// A file's path that could leave its folder.
  case invalidPath(String)
  /// No model of this name.
  case notFound(String, similar: [String])
  /// Several models of this name.
  case ambiguous(String, candidates: [String])
  /// The model is there in another version.
  case otherVersion(String, wanted: String, have: String)
  /// The name is taken by other content.
  case exists(String)
  /// A manifest or config that cannot be read.
  case damagedManifest(place: String, why: String)
  /// A blob is missing, has another size or other content.
  case damagedBlob(place: String, why: String)
  /// A process adds contents, or another one collects.
  case busy(path: String)
  /// This process may only read the store.
  case readOnly(path: String, why: String)

  public var code: String {
    switch self {
    case .noHome: "store.no-home"
    case .notAStore: "store.not-a-store"
    case .empty: "store.empty"
    case .invalidName: "reference.invalid"
    case .invalidPath: "store.invalid-path"
    case .notFound: "reference.not-found"
    case .ambiguous: "reference.ambiguous"
    case .otherVersion: "reference.other-version"
    case .exists: "reference.exists"
    case .damagedManifest: "store.damaged-manifest"
    case .damagedBlob: "store.damaged-blob"
    case .busy: "store.busy"
    case .readOnly: "store.read-only"
    }
  }

  public var what: String {
    switch self {
    case .noHome: "no folder for the model store"
    case .notAStore(let path, _): "\(path) is no model store"
    case .empty(let path): "there is no model store at \(path)"
    case .invalidName(let text): "\"\(text.prefix(120))\" is no model name"
    case .invalidPath(let path): "a file cannot be called \"\(path.prefix(120))\""
    case .notFound(let name, _): "no model \(name) in the store"
    case .ambiguous(let name, _): "\(name) may mean several models"
    case .otherVersion(let name, _, _): "\(name) is here in another version"
    case .exists(let name): "\(name) exists already"
    case .damagedManifest(let place, _): "the manifest of \(place) is damaged"
    case .damagedBlob(let place, _): "\(place) is damaged"
    case .busy(let path): "the store \(path) is in use"
    case .readOnly(let path, _): "the store \(path) can only be read"
    }
  }

  public var why: String? {
    switch self {
    case .noHome: "neither --store nor IMPETUS_HOME, XDG_DATA_HOME or HOME is set"
    case .notAStore(_, let why), .damagedManifest(_, let why), .damagedBlob(_, let why): why
    case .empty: nil
    case .invalidName: "names are [ORG/]NAME[:VARIANT][@COMMIT] of letters, digits, dots, dashes and underscores"
    case .invalidPath: "it could leave the model's folder, or is no name everywhere"
    case .notFound(_, let similar): similar.isEmpty ? nil : "similar: \(similar.joined(separator: ", "))"
    case .ambiguous(_, let candidates): candidates.joined(separator: ", ")
    case .otherVersion(_, let wanted, let have): "\(wanted) was asked for and \(have) is here"
    case .exists: "its content differs from what would be stored"
    case .readOnly(_, let why): why
    case .busy: "another process adds models to it, or removes some"
    }
  }

  public var remedy: String? {
    switch self {
    case .noHome: "name a folder with --store"
    case .notAStore: "name another folder with --store or IMPETUS_HOME"
    case .empty: "impetus pull ORG/NAME, or impetus import FILE"
    case .invalidName, .invalidPath: nil
    case .notFound: "impetus list shows what is here; impetus pull ORG/NAME gets a model"
    case .ambiguous: "give more of the name, or the variant after a colon"
    case .otherVersion: "impetus pull it at that commit with --revision"
    case .exists: "choose another --name, or replace it with --force"
    case .damagedManifest, .damagedBlob:
      "impetus verify lists all damage; impetus repair puts right what it can"
    case .readOnly: "name a store of your own with --store or IMPETUS_HOME, and this one in IMPETUS_PATH"
    case .busy: "wait for the other process to finish, then try again"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .noHome, .invalidName: .usage
    case .notFound, .empty: .notFound
    case .ambiguous: .usage
    case .otherVersion: .notFound
    case .damagedManifest, .damagedBlob, .invalidPath: .mismatch
    case .busy: .locked
    case .notAStore, .exists, .readOnly: .failure
    }
  }
}
