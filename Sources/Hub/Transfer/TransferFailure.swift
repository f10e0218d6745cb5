// SPDX-License-Identifier: Apache-2.0
// How a single exchange with a server can fail below HTTP.

internal import CCurl

/// A failed exchange. Statuses are no failures here.
public enum TransferFailure: Error, Sendable, Equatable {
  /// The task was cancelled.
  case cancelled
  /// No connection, or it broke: libcurl's words. Worth trying again.
  case connection(String)
  /// Nothing, or too little, came for the time of the stall limit. Worth trying again.
  case stalled(Duration)
  /// The whole request took too long. Worth trying again.
  case deadline(Duration)
  /// The server's certificate is not trusted, or the trust file is not readable.
  case trust(String)
  /// The headers are larger than allowed.
  case headersTooLarge(limit: Int)
  /// The body is larger than allowed.
  case bodyTooLarge(limit: Int)
  /// The file to be sent cannot be read, or has become shorter.
  case unreadable(String)
  /// libcurl cannot do what is asked, e.g. an unknown proxy scheme.
  case unusable(String)

  /// Whether another attempt may succeed.
  public var isTransient: Bool {
    switch self {
    case .connection, .stalled, .deadline: true
    case .cancelled, .trust, .headersTooLarge, .bodyTooLarge, .unreadable, .unusable: false
    }
  }

  /// What happened, in words.
  public var reason: String {
    switch self {
    case .cancelled: "cancelled"
    case .connection(let text), .trust(let text), .unusable(let text): text
    case .unreadable(let path): "\(path) cannot be read, or has become shorter"
    case .stalled(let limit): "nothing came for \(limit.components.seconds) s"
    case .deadline(let limit): "no complete answer within \(limit.components.seconds) s"
    case .headersTooLarge(let limit): "the answer's headers are larger than \(limit >> 10) KiB"
    case .bodyTooLarge(let limit): "the answer is larger than \(limit >> 10) KiB"
    }
  }

  /// Sorts a libcurl result. `text` is its error buffer, empty when it had nothing to add.
  static func from(
    _ code: CURLcode, text: String, stall: Duration, deadline: Duration, elapsed: Duration
  ) -> TransferFailure {
    let words = text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
    switch code {
    case CURLE_OPERATION_TIMEDOUT:
      if elapsed >= deadline || words.hasPrefix("Operation timed out") { return .deadline(deadline) }
      return words.hasPrefix("Operation too slow") ? .stalled(stall) : .connection(words)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_CRL_BADFILE:
      return .trust(words)
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_NOT_BUILT_IN, CURLE_UNKNOWN_OPTION,
      CURLE_BAD_FUNCTION_ARGUMENT, CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT:
      return .unusable(words)
    default:
      return .connection(words)
    }
  }
}
