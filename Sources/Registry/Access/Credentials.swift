// SPDX-License-Identifier: Apache-2.0
// Who we are to a registry: from the environment, or from the files that docker, podman and skopeo log in to.
// Formats: containers-auth.json(5), and the `auths` of docker's config.json.

internal import Basics

/// Credentials with the place they came from. Their text shows in no description.
public struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  /// What is shown to the registry.
  enum Secret: Sendable, Equatable {
    /// A name and a password, for basic authentication and for token servers.
    case password(user: String, password: String)
    /// Exchanged at the token server for a token.
    case identityToken(String)
    /// Shown to the registry as it is.
    case bearer(String)
  }

  let secret: Secret
  /// A variable or a file's path.
  public let source: String

  init(_ secret: Secret, source: String) throws(RegistryProblem) {
    let texts =
      switch secret {
      case .password(let user, let password): [user, password]
      case .identityToken(let token), .bearer(let token): [token]
      }
    guard texts.allSatisfy({ text in text.utf8.count <= 16384 && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } })
    else { throw .invalidCredentials(source: source, why: "they hold characters that none have") }
    self.secret = secret
    self.source = source
  }

  public var description: String { "credentials from \(source)" }
  /// Only the source, so that dumps do not show the secret either.
  public var customMirror: Mirror { Mirror(self, children: ["source": source]) }

  /// `Basic …`, where there is a password.
  var basic: String? {
    guard case .password(let user, let password) = secret else { return nil }
    return "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"
  }
}

/// Finds credentials.
public enum CredentialSearch {
  /// What a search found.
  public struct Found: Sendable, Equatable {
    /// Credentials for the repository; nil when there are none.
    public var credentials: Credentials?
    /// A program that keeps the credentials instead. It is not run.
    public var helper: String?

    /// Nothing: the registry is asked without credentials.
    public static let nothing = Found()
  }

  /// Looks into `IMPETUS_REGISTRY_TOKEN`, `IMPETUS_REGISTRY_USER` and `IMPETUS_REGISTRY_PASSWORD`, then into
  /// `REGISTRY_AUTH_FILE` or else `$XDG_RUNTIME_DIR/containers/auth.json` and `$DOCKER_CONFIG/config.json`
  /// (`~/.docker/config.json`).
  public static func find(
    _ address: RegistryAddress, environment: [String: String]
  ) throws(RegistryProblem) -> Found {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let token = value("IMPETUS_REGISTRY_TOKEN") {
      return Found(credentials: try Credentials(.bearer(token), source: "IMPETUS_REGISTRY_TOKEN"))
    }
    if let password = value("IMPETUS_REGISTRY_PASSWORD") {
      guard let user = value("IMPETUS_REGISTRY_USER") else {
        throw .invalidCredentials(source: "IMPETUS_REGISTRY_PASSWORD", why: "IMPETUS_REGISTRY_USER is not set")
      }
      return Found(
        credentials: try Credentials(.password(user: user, password: password), source: "IMPETUS_REGISTRY_PASSWORD"))
    }
    if let path = value("REGISTRY_AUTH_FILE") {
      guard Files.isFile(path) else { throw .invalidCredentials(source: path, why: "there is no such file") }
      return try look(in: path, for: address)
    }
    var paths: [String] = []
    if let folder = value("XDG_RUNTIME_DIR") { paths.append("\(folder)/containers/auth.json") }
    if let folder = value("DOCKER_CONFIG") {
      paths.append("\(folder)/config.json")
    } else if let home = value("HOME") {
      paths.append("\(home)/.docker/config.json")
    }
    var helper: String?
    for path in paths where Files.isFile(path) {
      let found = try look(in: path, for: address)
      if found.credentials != nil { return found }
      helper = helper ?? found.helper
    }
    return Found(helper: helper)
  }

  private static func look(in path: String, for address: RegistryAddress) throws(RegistryProblem) -> Found {
    func refuse(_ why: String) -> RegistryProblem { .invalidCredentials(source: path, why: why) }
    let json: JSONValue
    do {
      json = try JSONReader.parse(try Files.read(path, limit: 4 << 20), limits: .lastKeyWins)
    } catch let problem as any Problem {
      throw refuse(problem.description)
    } catch {
      throw refuse("it cannot be read")
    }
    let wanted = places(address)
    var best: (length: Int, entry: JSONValue)?
    for (key, entry) in json["auths"]?.objectValue ?? JSONObject() {
      let name = normalized(key)
      guard wanted.contains(name), name.utf8.count > best?.length ?? -1 else { continue }
      best = (name.utf8.count, entry)
    }
    let helper =
      wanted.lazy.compactMap { json["credHelpers"]?[$0]?.stringValue }.first ?? json["credsStore"]?.stringValue
    guard let entry = best?.entry, let secret = try secret(entry, refuse) else { return Found(helper: helper) }
    return Found(credentials: try Credentials(secret, source: path))
  }

  /// The names under which credentials of a repository may stand: its path, the paths above, the host.
  private static func places(_ address: RegistryAddress) -> [String] {
    var parts = address.repository.split(separator: "/").map(String.init)
    var names: [String] = []
    while !parts.isEmpty {
      names.append(([address.host] + parts).joined(separator: "/"))
      parts.removeLast()
    }
    names.append(address.host)
    if address.host == "docker.io" { names += ["index.docker.io", "registry-1.docker.io"] }
    return names
  }

  /// A key without scheme, version and slashes at its end: docker writes `https://index.docker.io/v1/`.
  private static func normalized(_ key: String) -> String {
    var name = Substring(key)
    for scheme in ["https://", "http://"] where name.hasPrefix(scheme) { name = name.dropFirst(scheme.count) }
    while name.hasSuffix("/") { name.removeLast() }
    for version in ["/v1", "/v2"] where name.hasSuffix(version) { name = name.dropLast(version.count) }
    return name.lowercased()
  }

  private static func secret(
    _ entry: JSONValue, _ refuse: (String) -> RegistryProblem
  ) throws(RegistryProblem) -> Credentials.Secret? {
    if let token = entry["identitytoken"]?.stringValue, !token.isEmpty { return .identityToken(token) }
    if let token = entry["registrytoken"]?.stringValue, !token.isEmpty { return .bearer(token) }
    if let text = entry["auth"]?.stringValue, !text.isEmpty {
      guard let bytes = Base64.decode(text.utf8), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
        throw refuse("an \"auth\" is not base64 of NAME:PASSWORD")
      }
      return .password(
        user: String(decoding: bytes[..<colon], as: UTF8.self),
        password: String(decoding: bytes[(colon + 1)...].prefix { $0 != 0 }, as: UTF8.self))
    }
    guard let user = entry["username"]?.stringValue, let password = entry["password"]?.stringValue else { return nil }
    return .password(user: user, password: password)
  }
}
