// SPDX-License-Identifier: Apache-2.0
// Asks a registry about one repository: manifests there and back, and whether a blob is present.
// Specification: opencontainers/distribution-spec.

public import Basics
public import Hub

/// How a registry is reached.
public struct RegistrySettings: Sendable {
  /// Proxies, trust, rate limit.
  public var network: NetworkSettings
  /// Asks by plain http on other machines too.
  public var isPlain = false
  /// Credentials, as they were found.
  public var credentials: CredentialSearch.Found
  /// When and how often failed requests are tried again.
  public var retry = RetryPolicy()
  /// Bytes sent in one request of an upload; a smaller blob goes in one piece.
  package var chunkByteCount = 32 << 20
  /// Patience for questions, and for bytes in both directions.
  package var questionPatience = Patience(stall: .seconds(20))
  package var bytePatience = Patience(stall: .seconds(20))
  /// A registry may compute or copy for a while before it says that it has a blob.
  package var commitPatience = Patience(stall: .seconds(300), deadline: .seconds(600))

  public init(network: NetworkSettings, credentials: CredentialSearch.Found) {
    self.network = network
    self.credentials = credentials
  }
}

/// A manifest as it came.
public struct FetchedManifest: Sendable {
  /// Its bytes, which the digest belongs to.
  public let bytes: [UInt8]
  public let digest: Digest
  /// What the registry says it is.
  public let mediaType: String
}

/// A client of one repository of a registry.
public final class RegistryClient: Sendable {
  /// The repository.
  public let address: RegistryAddress
  let settings: RegistrySettings
  let courier: Courier
  private let endpoint: WebAddress

  /// - Parameters:
  ///   - pushes: whether it is to be written to.
  ///   - sources: repositories of the same registry that blobs may be mounted from.
  ///   - notice: told about waiting and trying again, from any thread.
  public init(
    _ address: RegistryAddress, _ settings: RegistrySettings, pushes: Bool = false, sources: [String] = [],
    notice: @escaping @Sendable (DownloadEvent) -> Void = { _ in }
  ) throws(RegistryProblem) {
    guard let endpoint = address.endpoint(plain: settings.isPlain) else {
      throw .invalidAddress(address.description, why: "the host cannot be used")
    }
    self.address = address
    self.settings = settings
    self.endpoint = endpoint
    do {
      let transfer = try Transfer(settings.network)
      let scopes =
        ["repository:\(address.repository):\(pushes ? "pull,push" : "pull")"] + sources.map { "repository:\($0):pull" }
      var hub = HubSettings(endpoint: endpoint, network: settings.network)
      hub.retry = settings.retry
      hub.questionPatience = settings.questionPatience
      hub.bytePatience = settings.bytePatience
      let authority = RegistryAuthority(
        address, settings.credentials, scopes: scopes, transfer: transfer, isPlain: endpoint.origin.scheme == "http")
      courier = Courier(settings: hub, transfer: transfer, authority: authority, notice: notice)
    } catch {
      throw .transfer(.network(host: address.host, why: error.reason))
    }
  }

  // MARK: Manifests

  /// Largest manifest that is taken; registries have to accept 4 MiB.
  static let manifestLimit = 16 << 20
  /// What a manifest of one image, or of one artifact, is called.
  public static let manifestType = "application/vnd.oci.image.manifest.v1+json"
  private static let manifestTypes = [
    manifestType, "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
  ]

  /// Fetches a manifest, checked against the digest that was asked for and the one that was announced.
  /// - Throws: `.notFound`, `.wrongManifest` and those of the way there.
  public func manifest(_ version: RegistryAddress.Version) async throws(RegistryProblem) -> FetchedManifest {
    let response = try await ask(
      .get, "manifests/\(version)", headers: [Header("Accept", Self.manifestTypes.joined(separator: ", "))],
      bodyLimit: Self.manifestLimit + 1)
    guard response.head.status == 200 else { throw problem(response, of: address.at(version)) }
    let digest = Digest.of(response.body)
    var expected: [Digest] = []
    if case .digest(let wanted) = version { expected.append(wanted) }
    if let announced = response.head.value("docker-content-digest").flatMap({ Digest($0) }) {
      expected.append(announced)
    }
    for one in expected where one != digest {
      throw .wrongManifest(
        address: address.at(version).description, expected: one.description, found: digest.description)
    }
    let type = response.head.value("content-type")?.split(separator: ";").first.map(String.init) ?? ""
    return FetchedManifest(bytes: response.body, digest: digest, mediaType: type)
  }

  /// Gives a version of the repository its manifest; the blobs must be there.
  public func put(manifest bytes: [UInt8], as version: RegistryAddress.Version) async throws(RegistryProblem) {
    let response = try await ask(
      .put, "manifests/\(version)", headers: [Header("Content-Type", Self.manifestType)], upload: UploadBody(bytes),
      patience: settings.commitPatience)
    guard [200, 201, 202].contains(response.head.status) else { throw problem(response, of: address.at(version)) }
    let (digest, announced) = (Digest.of(bytes), response.head.value("docker-content-digest").flatMap { Digest($0) })
    if let announced, announced != digest {
      throw .wrongManifest(
        address: address.at(version).description, expected: digest.description, found: announced.description)
    }
  }

  // MARK: Blobs

  /// Whether the repository has a blob of this size.
  public func holds(_ digest: Digest, byteCount: Int) async throws(RegistryProblem) -> Bool {
    let response = try await ask(.head, "blobs/\(digest)")
    switch response.head.status {
    case 200: return response.head.contentLength.map { $0 == byteCount } ?? true
    case 404: return false
    default: throw problem(response, of: address)
    }
  }

  /// Fetches blobs into a folder of partial files, in ranges, resumable, each checked against its digest.
  /// - Parameter files: identified by their SHA-256.
  public func download(
    _ files: [RepoFile], into folder: String, options: DownloadOptions,
    events: @escaping @Sendable (DownloadEvent) -> Void
  ) throws(RegistryProblem) -> Download {
    let address = address
    do {
      return try Download(files, courier: courier, into: folder, options: options, events: events) {
        [self] file throws(HubProblem) in
        guard case .sha256(let digest) = file.identity, let place = location("blobs/\(digest)") else {
          throw .notAHub(host: address.host, why: "\(file.path) has no SHA-256")
        }
        return ResolveSource(courier, file, at: place) { [self] response, _ in
          .foreign(ForeignProblem(problem(response, of: address)))
        }
      }
    } catch {
      throw .transfer(error)
    }
  }

  // MARK: Asking

  /// The address of something of the repository.
  func location(_ path: String) -> WebAddress? {
    WebAddress(endpoint.below("/v2/\(address.repository)/\(path)"))
  }

  func ask(
    _ method: Request.Method, _ path: String, headers: [Header] = [], upload: UploadBody? = nil,
    patience: Patience? = nil, bodyLimit: Int = 1 << 20
  ) async throws(RegistryProblem) -> Response {
    guard let place = location(path) else {
      throw .notARegistry(host: address.host, why: "\"\(path.prefix(200))\" makes no address")
    }
    var failures = 0
    while true {
      do throws(FetchFailure) {
        return try await send(method, place, headers: headers, upload: upload, patience: patience, bodyLimit: bodyLimit)
      } catch {
        failures += 1
        try await pause(after: error, failures: failures)
      }
    }
  }

  /// One attempt.
  func send(
    _ method: Request.Method, _ place: WebAddress, headers: [Header] = [], upload: UploadBody? = nil,
    patience: Patience? = nil, bodyLimit: Int = 1 << 20
  ) async throws(FetchFailure) -> Response {
    try await courier.carry(
      place, method: method, headers: headers, upload: upload, patience: patience ?? settings.questionPatience,
      bodyLimit: bodyLimit
    ).response
  }

  /// Sleeps before the next attempt, or throws when there is to be none.
  func pause(after failure: FetchFailure, failures: Int) async throws(RegistryProblem) {
    do { try await courier.pause(after: failure, failures: failures) } catch { throw .transfer(error) }
  }

  /// The problem of an answer that is no success.
  func problem(_ response: Response, of address: RegistryAddress) -> RegistryProblem {
    let (status, message) = (response.head.status, RegistryMessage.text(response))
    switch status {
    case 401:
      guard let credentials = settings.credentials.credentials else {
        return .credentialsNeeded(host: address.host, helper: settings.credentials.helper)
      }
      return .credentialsRefused(host: address.host, source: credentials.source, message: message)
    case 403: return .denied(address: address.description, message: message)
    case 404:
      let isRegistry =
        RegistryMessage.code(response) != nil || response.head.value("docker-distribution-api-version") != nil
      return isRegistry || !response.head.isHTML
        ? .notFound(address: address.description) : .notARegistry(host: address.host, why: "it sends web pages")
    case 200...399: return .notARegistry(host: address.host, why: "status \(status)")
    default: return .refused(host: address.host, status: status, message: message)
    }
  }
}
