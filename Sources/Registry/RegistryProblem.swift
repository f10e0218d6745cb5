// SPDX-License-Identifier: Apache-2.0
// Everything that can go wrong between the store and a registry, with what to do about it.

public import Basics
public import Hub

/// A failure of a registry, of what it was sent, or of what it sent.
public enum RegistryProblem: Problem, Equatable {
  /// A text is no address of a registry.
  case invalidAddress(String, why: String)
  /// A file or variable with credentials cannot be used.
  case invalidCredentials(source: String, why: String)
  /// The registry asks for credentials and there are none.
  case credentialsNeeded(host: String, helper: String?)
  /// The registry, or its token server, refuses the credentials.
  case credentialsRefused(host: String, source: String, message: String)
  /// The credentials are good, and what was asked for is not allowed with them.
  case denied(address: String, message: String)
  /// The repository or the version is not there, or not visible.
  case notFound(address: String)
  /// The registry refuses, in its own words.
  case refused(host: String, status: Int, message: String)
  /// The answers are not those of a registry.
  case notARegistry(host: String, why: String)
  /// The manifest is not one of a model, or must not be believed.
  case unusableManifest(address: String, why: String)
  /// A manifest has another digest than the one that was asked for or announced.
  case wrongManifest(address: String, expected: String, found: String)
  /// The registry says that the bytes it got have another digest.
  case wrongUpload(place: String, message: String)
  /// A transfer failed.
  case transfer(HubProblem)

  public var code: String {
    switch self {
    case .invalidAddress: "registry.invalid-address"
    case .invalidCredentials: "registry.invalid-credentials"
    case .credentialsNeeded: "registry.credentials-needed"
    case .credentialsRefused: "registry.credentials-refused"
    case .denied: "registry.denied"
    case .notFound: "registry.not-found"
    case .refused: "registry.refused"
    case .notARegistry: "registry.not-a-registry"
    case .unusableManifest: "registry.unusable-manifest"
    case .wrongManifest: "registry.wrong-manifest"
    case .wrongUpload: "registry.wrong-upload"
    case .transfer(let problem): problem.code
    }
  }

  public var what: String {
    switch self {
    case .invalidAddress(let text, _): "\"\(text.prefix(200))\" is not the address of a model at a registry"
    case .invalidCredentials(let source, _): "the credentials in \(source) cannot be used"
    case .credentialsNeeded(let host, _): "\(host) asks for credentials"
    case .credentialsRefused(let host, let source, _): "\(host) refuses the credentials from \(source)"
    case .denied(let address, _): "access to \(address) is denied"
    case .notFound(let address): "\(address) does not exist, or is not visible with these credentials"
    case .refused(let host, let status, _): "\(host) refused the request (\(status))"
    case .notARegistry(let host, _): "\(host) does not answer like a registry"
    case .unusableManifest(let address, _): "\(address) is not a model that can be taken"
    case .wrongManifest(let address, _, _): "the manifest of \(address) does not match its digest"
    case .wrongUpload(let place, _): "the registry got other bytes than those of \(place)"
    case .transfer(let problem): problem.what
    }
  }

  public var why: String? {
    switch self {
    case .invalidAddress(_, let why), .invalidCredentials(_, let why), .notARegistry(_, let why),
      .unusableManifest(_, let why):
      why
    case .credentialsNeeded(_, let helper): helper.map { "they are kept by the program \($0), which is not asked" }
    case .credentialsRefused(_, _, let message), .denied(_, let message), .refused(_, _, let message),
      .wrongUpload(_, let message):
      message.isEmpty ? nil : message
    case .wrongManifest(_, let expected, let found): "expected \(expected), found \(found)"
    case .notFound: nil
    case .transfer(let problem): problem.why
    }
  }

  public var remedy: String? {
    switch self {
    case .invalidAddress: "write it as oci://HOST[:PORT]/NAME:TAG"
    case .credentialsNeeded:
      "docker login or skopeo login, or set IMPETUS_REGISTRY_USER and IMPETUS_REGISTRY_PASSWORD"
    case .credentialsRefused: "log in again, or remove the old credentials"
    case .notARegistry: "check the host and port; --plain-http for a registry without TLS"
    case .wrongUpload: "impetus verify finds damage of the store; else try again"
    case .transfer(.untrusted):
      "name your authority's file in SSL_CERT_FILE, or --plain-http for a registry without TLS"
    case .transfer(let problem): problem.remedy
    case .invalidCredentials, .denied, .notFound, .refused, .unusableManifest, .wrongManifest: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .invalidAddress, .invalidCredentials: .usage
    case .credentialsNeeded, .credentialsRefused, .denied: .auth
    case .notFound: .notFound
    case .refused, .notARegistry: .network
    case .unusableManifest: .unsupported
    case .wrongManifest, .wrongUpload: .mismatch
    case .transfer(let problem): problem.status
    }
  }
}
