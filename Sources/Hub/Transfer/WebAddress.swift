// SPDX-License-Identifier: Apache-2.0
// A checked http or https URL. libcurl's own parser reads it, so that what is compared here is
// what is connected to: two parsers that disagree are how tokens reach the wrong host.

internal import CCurl

/// An absolute http or https URL.
public struct WebAddress: Sendable, Hashable, CustomStringConvertible {
  /// Scheme, host and port: what decides whether two URLs belong to one server.
  public struct Origin: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    public let scheme: String
    /// Lower-case host name or address.
    public let host: String
    /// The port, also when it is the scheme's own.
    public let port: Int

    public var description: String { "\(scheme)://\(host):\(port)" }
  }

  /// The normalized URL.
  public let text: String
  /// The server it belongs to.
  public let origin: Origin
  /// The path without the query.
  public let path: String

  /// Nil unless the text is an absolute http or https URL without control characters.
  public init?(_ text: String) {
    self.init(text, relativeTo: nil)
  }

  /// The target of a `Location` or `Link`, which may be relative to this address (RFC 3986).
  public func resolving(_ location: String) -> WebAddress? {
    WebAddress(location, relativeTo: self)
  }

  private init?(_ text: String, relativeTo base: WebAddress?) {
    guard !text.isEmpty, text.utf8.count <= 16384, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
    guard let handle = curl_url() else { return nil }
    defer { curl_url_cleanup(handle) }
    if let base {
      guard curl_url_set(handle, CURLUPART_URL, base.text, 0) == CURLUE_OK else { return nil }
    }
    guard curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK,
      curl_url_set(handle, CURLUPART_FRAGMENT, nil, 0) == CURLUE_OK,
      let whole = Self.part(CURLUPART_URL, of: handle),
      let scheme = Self.part(CURLUPART_SCHEME, of: handle), scheme == "http" || scheme == "https",
      let host = Self.part(CURLUPART_HOST, of: handle),
      let port = Self.part(CURLUPART_PORT, of: handle, flags: UInt32(CURLU_DEFAULT_PORT)).flatMap({ Int($0) })
    else { return nil }
    self.text = whole
    self.origin = Origin(scheme: scheme, host: host.lowercased(), port: port)
    self.path = Self.part(CURLUPART_PATH, of: handle) ?? "/"
  }

  private static func part(_ part: CURLUPart, of handle: OpaquePointer, flags: UInt32 = 0) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  /// Host, and port where it is not the scheme's own: what messages show of a signed link.
  public var place: String {
    let own = origin.scheme == "https" ? 443 : 80
    return origin.port == own ? origin.host : "\(origin.host):\(origin.port)"
  }

  /// The text of an address below this one; `path` is encoded already and begins with `/`.
  public func below(_ path: String) -> String {
    var base = text
    while base.hasSuffix("/") { base.removeLast() }
    return base + path
  }

  public var description: String { text }

  /// Text as one path segment: everything but unreserved characters becomes %XX.
  public static func segment(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var output: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        output.append(byte)
      default:
        output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: output, as: UTF8.self)
  }
}
