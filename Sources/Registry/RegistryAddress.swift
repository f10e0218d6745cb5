// SPDX-License-Identifier: Apache-2.0
// `oci://HOST[:PORT]/NAME[:TAG][@sha256:…]` as a checked value. Grammar: opencontainers/distribution-spec, "Pulling manifests".

public import Basics
internal import Hub

/// A repository of a registry, and a version in it where one is named.
public struct RegistryAddress: Sendable, Hashable, CustomStringConvertible {
  /// What names a manifest within its repository.
  public enum Version: Sendable, Hashable, CustomStringConvertible {
    case tag(String)
    case digest(Digest)

    public var description: String {
      switch self {
      case .tag(let tag): tag
      case .digest(let digest): digest.description
      }
    }
  }

  /// The registry: host, and port where one was given, in lower case.
  public let host: String
  /// The repository's name: lower-case parts between slashes.
  public let repository: String
  /// The tag or digest; nil when neither was given.
  public let version: Version?

  /// How such an address begins.
  public static let scheme = "oci://"

  /// Whether a text is meant as an address of a registry.
  public static func isOne(_ text: String) -> Bool { text.lowercased().hasPrefix(scheme) }

  /// - Throws: `RegistryProblem.invalidAddress`.
  public init(_ text: String) throws(RegistryProblem) {
    func refuse(_ why: String) -> RegistryProblem { .invalidAddress(text, why: why) }
    guard Self.isOne(text) else { throw refuse("it does not begin with \(Self.scheme)") }
    var rest = text.dropFirst(Self.scheme.count)
    guard let slash = rest.firstIndex(of: "/") else { throw refuse("a repository's name follows the host") }
    let host = rest[..<slash].lowercased()
    rest = rest[rest.index(after: slash)...]
    guard !host.isEmpty, host.utf8.allSatisfy({ Self.isHostByte($0) }), WebAddress("https://\(host)/")?.path == "/"
    else {
      throw refuse("\"\(host.prefix(80))\" is not a host")
    }
    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      digest = Digest(String(rest[rest.index(after: at)...]))
      guard digest != nil else { throw refuse("after @ comes sha256: and 64 hex digits") }
      rest = rest[..<at]
    }
    var tag: String?
    if let colon = rest.lastIndex(of: ":") {
      tag = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    }
    if let tag, !Self.isTag(tag) { throw refuse("\"\(tag.prefix(80))\" is not a tag") }
    let repository = String(rest)
    guard Self.isRepository(repository) else {
      throw refuse("names of repositories have lower-case letters, digits, and single . _ - between them")
    }
    self.host = host
    self.repository = repository
    version = digest.map { .digest($0) } ?? tag.map { .tag($0) }
  }

  /// The same repository, at another version.
  public func at(_ version: Version) -> RegistryAddress {
    RegistryAddress(host: host, repository: repository, version: version)
  }

  private init(host: String, repository: String, version: Version?) {
    self.host = host
    self.repository = repository
    self.version = version
  }

  public var description: String {
    let place = "\(Self.scheme)\(host)/\(repository)"
    return switch version {
    case nil: place
    case .tag(let tag): "\(place):\(tag)"
    case .digest(let digest): "\(place)@\(digest)"
    }
  }

  // MARK: Grammar

  private static func isHostByte(_ byte: UInt8) -> Bool {
    isLowerOrDigit(byte) || [".", "-", "_", ":", "[", "]"].contains(UnicodeScalar(byte))
  }

  private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
  public static func isTag(_ text: String) -> Bool {
    guard (1...128).contains(text.utf8.count), let first = text.utf8.first else { return false }
    return isPlain(first) && text.utf8.allSatisfy { isPlain($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    isLowerOrDigit(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
  }

  /// Parts of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` between slashes, at most 255 characters.
  public static func isRepository(_ text: String) -> Bool {
    guard (1...255).contains(text.utf8.count) else { return false }
    return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { isPart(Array($0.utf8)) }
  }

  private static func isPart(_ part: [UInt8]) -> Bool {
    guard let first = part.first, let last = part.last, isLowerOrDigit(first), isLowerOrDigit(last) else {
      return false
    }
    var separator: [UInt8] = []
    for byte in part {
      if isLowerOrDigit(byte) {
        separator = []
        continue
      }
      separator.append(byte)
      let isDashes = separator.allSatisfy { $0 == UInt8(ascii: "-") }
      guard
        isDashes || separator == [UInt8(ascii: ".")] || separator == [UInt8(ascii: "_")]
          || separator == [UInt8(ascii: "_"), UInt8(ascii: "_")]
      else { return false }
    }
    return true
  }
}

extension RegistryAddress {
  /// Whether the host can only mean this machine.
  public var isLoopback: Bool {
    let name = WebAddress("http://\(host)/")?.origin.host ?? host
    if name == "localhost" || name.hasSuffix(".localhost") || name == "[::1]" || name == "::1" { return true }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// Where the registry is asked: by https, and by plain http only on this machine or where that was allowed.
  func endpoint(plain: Bool) -> WebAddress? {
    // Docker's own registry is asked under another name than the one people write.
    let host = self.host == "docker.io" ? "registry-1.docker.io" : self.host
    return WebAddress("\(plain || isLoopback ? "http" : "https")://\(host)")
  }
}
