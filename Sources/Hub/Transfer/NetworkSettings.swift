// SPDX-License-Identifier: Apache-2.0
// Proxies and trust, from options and the environment. libcurl reads some of these variables by
// itself and none of the certificate ones; here all come in through one dictionary, so that both
// families (curl's and Python's names) work, and tests need no globals.

internal import Basics

/// How connections are made: through which proxy, and whom to trust.
public struct NetworkSettings: Sendable {
  /// Proxy for https addresses; nil goes direct.
  public var secureProxy: String?
  /// Proxy for http addresses; nil goes direct.
  public var plainProxy: String?
  /// Hosts that are reached without a proxy, separated by commas.
  public var direct: String?
  /// A PEM file of trusted authorities in place of the system's.
  public var authorityFile: String?
  /// A folder of hashed PEM files in place of the system's.
  public var authorityFolder: String?
  /// All transfers together take at most this many bytes a second; nil has no limit.
  public var bytesPerSecond: Int?

  /// Direct connections and the system's trust.
  public init() {}

  /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` (lower case first), and
  /// `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, `SSL_CERT_DIR`.
  ///
  /// Under CGI (`REQUEST_METHOD` is set) upper-case `HTTP_PROXY` may be a client's header and is ignored.
  public init(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let all = value("all_proxy") ?? value("ALL_PROXY")
    secureProxy = value("https_proxy") ?? value("HTTPS_PROXY") ?? all
    plainProxy = value("http_proxy") ?? (value("REQUEST_METHOD") == nil ? value("HTTP_PROXY") : nil) ?? all
    direct = value("no_proxy") ?? value("NO_PROXY")
    authorityFolder = value("SSL_CERT_DIR")
    if let bundle = value("SSL_CERT_FILE") ?? value("REQUESTS_CA_BUNDLE") ?? value("CURL_CA_BUNDLE") {
      if Files.isFolder(bundle) { authorityFolder = bundle } else { authorityFile = bundle }
    }
  }

  /// Takes one proxy for every address; hosts that are reached without one stay so.
  public mutating func use(proxy: String) {
    secureProxy = proxy
    plainProxy = proxy
  }

  /// The proxy for an address, "" for none: libcurl then does not look into the environment.
  func proxy(for address: WebAddress) -> String {
    (address.origin.scheme == "https" ? secureProxy : plainProxy) ?? ""
  }
}

extension Duration {
  /// As seconds with fraction.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
  /// Whole milliseconds, rounded up.
  var milliseconds: Int { Int((seconds * 1000).rounded(.up)) }
}
