// SPDX-License-Identifier: Apache-2.0
// Everything that can go wrong between the hub and a verified file, with what to do about it.

public import Basics

/// A failure of the hub, of the way to it, or of what it sent.
public enum HubProblem: Problem, Equatable {
  /// The network is switched off by option or environment.
  case offline(wanted: String, setting: String)
  /// A name cannot be one of the hub's.
  case invalidName(kind: String, text: String, why: String)
  /// An option or environment variable has a value that cannot be used.
  case invalidSetting(name: String, why: String)
  /// No token was sent: the repository is absent or private, the hub does not say which.
  case absentOrPrivate(repository: String)
  /// A token was sent, and the repository is absent or not visible with it.
  case repositoryNotFound(repository: String)
  /// Access must be asked for first.
  case gated(repository: String, page: String, hasToken: Bool)
  /// The hub does not know the token.
  case badToken(source: String)
  /// The repository has no such branch, tag or commit.
  case revisionNotFound(repository: String, revision: String)
  /// The commit has no such file.
  case fileNotFound(repository: String, path: String)
  /// The hub has taken the repository down.
  case disabled(repository: String)
  /// The server refused, in its own words.
  case refused(host: String, status: Int, message: String)
  /// The server wants no requests for longer than we wait.
  case rateLimited(host: String, seconds: Int)
  /// The connection failed as often as is tried.
  case network(host: String, why: String)
  /// The server's certificate is not trusted.
  case untrusted(host: String, why: String)
  /// The server itself failed.
  case server(host: String, status: Int, message: String)
  /// The answer is not one of a model hub.
  case notAHub(host: String, why: String)
  /// The listing names something that must not be believed.
  case invalidListing(repository: String, why: String)
  /// Redirects that lead nowhere, or out of https.
  case redirect(host: String, why: String)
  /// The server sent other bytes than the ones asked for.
  case wrongBytes(path: String, why: String)
  /// A complete file has another hash than the listing promised.
  case checksumMismatch(path: String, expected: String, found: String, why: String)
  /// The disk has no room for the rest.
  case diskFull(path: String, why: String)
  /// A problem of another server's protocol that came up during a transfer.
  case foreign(ForeignProblem)
  /// A local file cannot be used.
  case file(FileProblem)
  /// The task was cancelled. What is finished is kept.
  case cancelled

  /// A file's problem; a full disk has its own case.
  init(_ problem: FileProblem) {
    if problem.status == .doesNotFit, case .system(_, let path, _) = problem {
      self = .diskFull(path: path, why: problem.why ?? "")
    } else {
      self = .file(problem)
    }
  }
}

extension HubProblem {
  public var code: String {
    switch self {
    case .offline: "hub.offline"
    case .invalidName: "hub.invalid-name"
    case .invalidSetting: "hub.invalid-setting"
    case .absentOrPrivate: "hub.absent-or-private"
    case .repositoryNotFound: "hub.repository-not-found"
    case .gated: "hub.gated"
    case .badToken: "hub.bad-token"
    case .revisionNotFound: "hub.revision-not-found"
    case .fileNotFound: "hub.file-not-found"
    case .disabled: "hub.disabled"
    case .refused: "hub.refused"
    case .rateLimited: "hub.rate-limited"
    case .network: "hub.network"
    case .untrusted: "hub.untrusted"
    case .server: "hub.server"
    case .notAHub: "hub.not-a-hub"
    case .invalidListing: "hub.invalid-listing"
    case .redirect: "hub.redirect"
    case .wrongBytes: "hub.wrong-bytes"
    case .checksumMismatch: "hub.checksum-mismatch"
    case .diskFull: "hub.disk-full"
    case .foreign(let problem): problem.code
    case .file(let problem): problem.code
    case .cancelled: "hub.cancelled"
    }
  }

  public var what: String {
    switch self {
    case .offline(let wanted, _): "offline: \(wanted) is not asked for"
    case .invalidName(let kind, let text, _): "\"\(text.prefix(200))\" is not a \(kind)"
    case .invalidSetting(let name, _): "\(name) cannot be used"
    case .absentOrPrivate(let name): "\(name) does not exist, or is private"
    case .repositoryNotFound(let name): "\(name) does not exist, or your token may not see it"
    case .gated(let name, _, _): "\(name) is gated"
    case .badToken(let source): "the hub refuses the token from \(source)"
    case .revisionNotFound(let name, let revision): "\(name) has no revision \"\(revision)\""
    case .fileNotFound(let name, let path): "\(name) has no file \(path)"
    case .disabled(let name): "access to \(name) is disabled by the hub"
    case .refused(let host, let status, _): "\(host) refused the request (\(status))"
    case .rateLimited(let host, _): "\(host) limits how much may be asked"
    case .network(let host, _): "no connection to \(host)"
    case .untrusted(let host, _): "the certificate of \(host) is not trusted"
    case .server(let host, let status, _): "\(host) failed (\(status))"
    case .notAHub(let host, _): "\(host) does not answer like a model hub"
    case .invalidListing(let name, _): "the listing of \(name) is not acceptable"
    case .redirect(let host, _): "\(host) redirects wrongly"
    case .wrongBytes(let path, _): "the server sent something else than \(path)"
    case .checksumMismatch(let path, _, _, _): "\(path) does not match its checksum"
    case .diskFull(let path, _): "no room on the disk for \(path)"
    case .foreign(let problem): problem.what
    case .file(let problem): problem.what
    case .cancelled: "cancelled"
    }
  }

  public var why: String? {
    switch self {
    case .offline(_, let setting): "\(setting) is set"
    case .gated(_, _, let hasToken): hasToken ? "your account has no access yet" : "no token was sent"
    case .absentOrPrivate: "no token was sent, so the hub does not say which"
    case .rateLimited(_, let seconds): "it asks to come back in \(seconds) s"
    case .checksumMismatch(_, let expected, let found, let why): "expected \(expected), found \(found); \(why)"
    case .invalidName(_, _, let why), .invalidSetting(_, let why), .network(_, let why), .untrusted(_, let why),
      .notAHub(_, let why), .invalidListing(_, let why), .redirect(_, let why), .wrongBytes(_, let why),
      .diskFull(_, let why):
      why.isEmpty ? nil : why
    case .refused(_, _, let message), .server(_, _, let message): message.isEmpty ? nil : message
    case .foreign(let problem): problem.why
    case .file(let problem): problem.why
    case .repositoryNotFound, .badToken, .revisionNotFound, .fileNotFound, .disabled, .cancelled: nil
    }
  }

  public var remedy: String? {
    switch self {
    case .offline(_, let setting): "unset \(setting), or use what `impetus list` shows"
    case .absentOrPrivate: "check the name; for a private model set HF_TOKEN"
    case .repositoryNotFound: "check the name, and that the token's account may read it"
    case .gated(_, let page, let hasToken):
      hasToken ? "ask for access at \(page)" : "ask for access at \(page), then set HF_TOKEN"
    case .badToken: "replace the token, or remove it for public models"
    case .revisionNotFound: "leave the revision out for the main branch"
    case .rateLimited: "wait, or set HF_TOKEN for a larger quota; what is finished is kept"
    case .network, .server: "try again; what is finished is kept"
    case .untrusted: "name your authority's file with --ca-file or in SSL_CERT_FILE"
    case .notAHub: "check the address"
    case .wrongBytes, .checksumMismatch: "try again later, or another endpoint (HF_ENDPOINT)"
    case .diskFull: "free some disk space, then try again; what is finished is kept"
    case .foreign(let problem): problem.remedy
    case .file(let problem): problem.remedy
    case .invalidName, .invalidSetting, .fileNotFound, .disabled, .refused, .invalidListing, .redirect, .cancelled: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .invalidName, .invalidSetting: .usage
    case .absentOrPrivate, .gated, .badToken, .disabled: .auth
    case .repositoryNotFound, .revisionNotFound, .fileNotFound: .notFound
    case .refused(_, let status, _): status == 401 || status == 403 ? .auth : .network
    case .offline, .rateLimited, .network, .untrusted, .server, .notAHub, .redirect: .network
    case .invalidListing, .wrongBytes, .checksumMismatch: .mismatch
    case .diskFull: .doesNotFit
    case .foreign(let problem): problem.status
    case .file(let problem): problem.status
    case .cancelled: .failure
    }
  }
}

/// A problem worded by another module that uses the transfers.
public struct ForeignProblem: Problem, Equatable {
  public let code: String
  public let what: String
  public let why: String?
  public let remedy: String?
  public let status: ExitStatus

  public init(_ problem: any Problem) {
    code = problem.code
    what = problem.what
    why = problem.why
    remedy = problem.remedy
    status = problem.status
  }
}
