// SPDX-License-Identifier: Apache-2.0
// A SHA-256 of bytes that pass by once: its state can be written down, and gone on with by a later process.

internal import CCrypto

/// A running SHA-256 whose state is a text.
public struct PausableSHA256: Sendable {
  /// The library's `SHA256_CTX`, as words: so that the type's users need not know the library.
  private var words: [UInt32]

  public init() {
    words = Array(repeating: 0, count: MemoryLayout<SHA256_CTX>.size / 4)
    let started = unsafe withContext { unsafe SHA256_Init($0) }
    precondition(started == 1, "libcrypto could not begin a hash")
  }

  /// Goes on where `state` was noted, by a program that was built for the same kind of machine.
  /// - Returns: nil for a text that is no such state.
  public init?(state: String) {
    guard let bytes = Hex.bytes(state), bytes.count == MemoryLayout<SHA256_CTX>.size else { return nil }
    words = Array(repeating: 0, count: bytes.count / 4)
    unsafe words.withUnsafeMutableBytes { unsafe $0.copyBytes(from: bytes) }
    // The library trusts both to be within its buffers.
    let isSound = unsafe withContext { unsafe $0.pointee.num < 64 && $0.pointee.md_len == 32 }
    guard isSound else { return nil }
  }

  /// The state as hex digits.
  public var state: String { unsafe words.withUnsafeBytes { unsafe Hex.text(Array($0)) } }

  /// Takes in more bytes.
  public mutating func update(_ bytes: Span<UInt8>) {
    let updated = unsafe bytes.withUnsafeBytes { raw in
      unsafe withContext { unsafe SHA256_Update($0, raw.baseAddress, raw.count) }
    }
    precondition(updated == 1, "libcrypto refused bytes")
  }

  /// The digest of everything so far.
  public func finish() -> Digest {
    var (copy, output) = (self, [UInt8](repeating: 0, count: 32))
    let ended = unsafe copy.withContext { unsafe SHA256_Final(&output, $0) }
    precondition(ended == 1, "libcrypto could not end a hash")
    return Digest(raw: output)
  }

  private mutating func withContext<Value>(_ body: (UnsafeMutablePointer<SHA256_CTX>) -> Value) -> Value {
    unsafe words.withUnsafeMutableBytes { unsafe body($0.baseAddress!.assumingMemoryBound(to: SHA256_CTX.self)) }
  }
}
